//! Which modules of a crate the text of a file names, by its tokens: comments and strings do not count,
//! macros do.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// The modules right below the crate's root that `text` names. The file is that of `module`, whose names
/// lead down from the root.
pub fn named_modules(text: &str, module: &[String]) -> Vec<String> {
    let tokens: TokenStream = text.parse().expect("the file is Rust");
    let mut named = Vec::new();
    search(tokens, module, &mut named);
    named
}

fn search(tokens: TokenStream, module: &[String], named: &mut Vec<String>) {
    let trees: Vec<TokenTree> = tokens.into_iter().collect();
    let mut inline = None;
    for (index, tree) in trees.iter().enumerate() {
        match tree {
            TokenTree::Ident(word) if *word == "mod" => {
                inline = trees.get(index + 1).map(ToString::to_string);
            }
            TokenTree::Ident(word) if !is_after_colons(&trees, index) => {
                let depth = module.len();
                match word.to_string().as_str() {
                    "crate" => follow(&trees[index + 1..], &[], named),
                    "self" => follow(&trees[index + 1..], module, named),
                    "super" => follow(
                        &trees[index + 1..],
                        &module[..depth.saturating_sub(1)],
                        named,
                    ),
                    _ => (),
                }
            }
            TokenTree::Group(group) => {
                let name = inline
                    .take()
                    .filter(|_| group.delimiter() == Delimiter::Brace);
                let inner: Vec<String> = module.iter().cloned().chain(name).collect();
                search(group.stream(), &inner, named);
            }
            TokenTree::Punct(punct) if punct.as_char() == ';' => inline = None,
            _ => (),
        }
    }
}

/// Follows a path that has led to `module` so far. One that has left the root is settled: what is below
/// a module of the root belongs to it.
fn follow(rest: &[TokenTree], module: &[String], named: &mut Vec<String>) {
    if let Some(first) = module.first() {
        if let [
            TokenTree::Punct(a),
            TokenTree::Punct(b),
            TokenTree::Ident(word),
            rest @ ..,
        ] = rest
            && (a.as_char(), b.as_char()) == (':', ':')
            && *word == "super"
        {
            return follow(rest, &module[..module.len() - 1], named);
        }
        return named.push(first.clone());
    }
    let [TokenTree::Punct(a), TokenTree::Punct(b), next, rest @ ..] = rest else {
        return;
    };
    if (a.as_char(), b.as_char()) == (':', ':') {
        item(next, rest, named);
    }
}

/// What stands after `crate::`: a name, or names in braces.
fn item(next: &TokenTree, rest: &[TokenTree], named: &mut Vec<String>) {
    match next {
        TokenTree::Ident(word) if *word == "self" => follow(rest, &[], named),
        TokenTree::Ident(word) => named.push(word.to_string()),
        TokenTree::Group(group) => {
            let inner: Vec<TokenTree> = group.stream().into_iter().collect();
            for one in inner.split(|tree| matches!(tree, TokenTree::Punct(p) if p.as_char() == ','))
            {
                if let [first, rest @ ..] = one {
                    item(first, rest, named);
                }
            }
        }
        other => named.push(other.to_string()),
    }
}

fn is_after_colons(trees: &[TokenTree], index: usize) -> bool {
    let before = index.checked_sub(1).and_then(|before| trees.get(before));
    matches!(before, Some(TokenTree::Punct(punct)) if punct.as_char() == ':')
        && matches!(index.checked_sub(2).and_then(|i| trees.get(i)), Some(TokenTree::Punct(p)) if p.as_char() == ':')
}
