"""Reads the doc string of a command: a description, then tags."""

from xml.etree import ElementTree


class DocString:
    """What a doc string says about its command."""

    def __init__(self, text):
        root = ElementTree.fromstring('<docstring>%s</docstring>' % text)
        self.description = root.text or ''
        self.args = [(spelling(tag), tag.text) for tag in root.findall('arg')]
        params = sorted(root.findall('param'), key=lambda tag: tag.get('name'))
        self.params = [(spelling(tag), tag.text) for tag in params]
        self.examples = [(tag.get('cmd'), tag.text) for tag in root.findall('example')]
        self.related = sorted(tag.text for tag in root.findall('related'))

    def usage(self):
        """All arguments and parameters on one line."""
        return ' '.join(spelled for spelled, _ in self.args + self.params)

    def help_text(self, name, prompt):
        """All the doc string says, under headings."""
        commands = [('%s rocks %s' % (prompt, cmd), text) for cmd, text in self.examples]
        text = 'rocks %s %s\n\nDescription:\n%s' % (name, self.usage(), self.description)
        text += section('Arguments', self.args)
        text += section('Parameters', self.params)
        text += section('Examples', commands)
        if self.related:
            lines = ['\trocks %s\n' % command for command in self.related]
            text += '\nRelated Commands:\n\n' + ''.join(lines)
        return text


def spelling(tag):
    """How the usage line writes an <arg> or a <param>: [optional], {required}, many..."""
    name = tag.get('name')
    if tag.tag == 'param':
        name = '%s=%s' % (name, tag.get('type'))
    optional = tag.get('optional', '1' if tag.tag == 'param' else '0') == '1'
    repeat = '...' if tag.get('repeat') == '1' else ''
    return ('[%s]' if optional else '{%s}') % name + repeat


def section(heading, entries):
    """A heading with its entries; nothing if there are none."""
    if not entries:
        return ''
    return '\n%s:\n\n' % heading + ''.join('\t%s\n%s\n' % entry for entry in entries)
