#!/bin/sh
# Prints the package sources of this machine's Debian release, as its apt has them: main, updates, security.
set -eu
# shellcheck source=/dev/null
codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
# shellcheck disable=SC2016 # apt's own words
apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
    sort -u | awk -v c="$codename" '$3 == "main" && $2 ~ "^" c "(-updates|-security)?$" { print "deb", $0 }'
