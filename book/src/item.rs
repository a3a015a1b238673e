//! `{{#item FILE ITEM}}`: one item of a source file, found as the compiler would.
//!
//! An item is named by its path in the file: `run`, `Task`, `Task::step`,
//! `impl Drop for Slot`, `<Slot as Drop>::drop`, `thread_local!`, `tests::works`; where a
//! name is used twice, with its keyword before it: `struct Task`. `*` is the whole file.

use std::rc::Rc;

use proc_macro2::Span;
use syn::spanned::Spanned;
use syn::{ImplItem, Item, Type};

use crate::listing::{self, Lines};
use crate::places::{Answer, Places};

/// How many names are told to somebody who misspelt one.
const MOST_NAMES: usize = 30;

/// An item of a file.
#[derive(Clone, Debug)]
pub struct Entry {
    /// What it is called.
    pub name: String,
    /// Where it stands, with its attributes and documentation.
    pub lines: Lines,
    /// Whether a chapter has to show it: a function, a type, a trait, a method.
    pub is_core: bool,
    /// What else it can be called, without any blanks.
    aliases: Vec<String>,
}

/// A piece of a file, ready to be shown.
#[derive(Clone, Debug)]
pub struct Piece {
    /// The file, from the root of the workspace.
    pub path: String,
    /// Which lines.
    pub lines: Lines,
    /// The text of these lines.
    pub code: String,
}

impl Piece {
    /// The item of that name in that file.
    ///
    /// # Errors
    ///
    /// Says what there is, if there is no such file, item, or more than one.
    pub fn of(places: &Places, path: &str, item: &str) -> Answer<Self> {
        let text = places.read(path)?;
        let lines = match item {
            "*" => Lines::all(&text),
            _ => find(places, path, item)?,
        };
        Ok(Self { path: path.to_owned(), lines, code: lines.of(&text) })
    }

    /// The piece as a figure.
    pub fn figure(&self) -> String {
        let caption = listing::source(&self.path, self.lines);
        listing::figure("listing", &caption, "rust", &self.code)
    }
}

fn find(places: &Places, path: &str, item: &str) -> Answer<Lines> {
    let entries = places.entries(path)?;
    let wanted = squeezed(item);
    let found: Vec<_> = entries.iter().filter(|it| it.is_called(&wanted)).collect();
    match found.as_slice() {
        [one] => Ok(one.lines),
        [] => Err(format!("{path} has no item {item}; it has: {}", names(&entries))),
        many => {
            let which =
                many.iter().map(|it| format!("{} (line {})", it.name, it.lines.first));
            let which: Vec<_> = which.collect();
            Err(format!("{path} has more than one {item}: {}", which.join(", ")))
        }
    }
}

impl Places {
    /// All items of a file, in its order, with those inside others; parsed once.
    ///
    /// # Errors
    ///
    /// Fails when there is no such file, or when it is no Rust.
    pub fn entries(&self, path: &str) -> Answer<Rc<[Entry]>> {
        if let Some(entries) = self.parsed.borrow().get(path) {
            return Ok(Rc::clone(entries));
        }
        let entries: Rc<[_]> = parse(path, &self.read(path)?)?.into();
        self.parsed.borrow_mut().insert(path.to_owned(), Rc::clone(&entries));
        Ok(entries)
    }
}

fn parse(path: &str, text: &str) -> Answer<Vec<Entry>> {
    let file = syn::parse_file(text)
        .map_err(|error| format!("{path}:{}: {error}", error.span().start().line))?;
    let mut entries = Vec::new();
    collect("", &file.items, &mut entries);
    // The parser keeps all it has read; a server would read it again and again.
    proc_macro2::extra::invalidate_current_thread_spans();
    Ok(entries)
}

fn collect(prefix: &str, items: &[Item], entries: &mut Vec<Entry>) {
    for item in items {
        match item {
            Item::Fn(it) => entries.push(core(prefix, "fn", &it.sig.ident, it.span())),
            Item::Struct(it) => {
                entries.push(core(prefix, "struct", &it.ident, it.span()));
            }
            Item::Enum(it) => entries.push(core(prefix, "enum", &it.ident, it.span())),
            Item::Union(it) => entries.push(core(prefix, "union", &it.ident, it.span())),
            Item::Trait(it) => entries.push(core(prefix, "trait", &it.ident, it.span())),
            Item::Type(it) => entries.push(other(prefix, "type", &it.ident, it.span())),
            Item::Const(it) => entries.push(other(prefix, "const", &it.ident, it.span())),
            Item::Static(it) => {
                entries.push(other(prefix, "static", &it.ident, it.span()));
            }
            Item::Macro(it) => entries.push(macro_entry(prefix, it)),
            Item::Mod(it) => {
                entries.push(other(prefix, "mod", &it.ident, it.span()));
                if let Some((_, inner)) = &it.content {
                    let inside = format!("{prefix}{}::", it.ident);
                    let first = entries.len();
                    collect(&inside, inner, entries);
                    // What stands in a `mod tests` is no core.
                    entries[first..].iter_mut().for_each(|it| it.is_core = false);
                }
            }
            Item::Impl(it) => impl_entries(prefix, it, entries),
            _ => {}
        }
    }
}

fn core(prefix: &str, keyword: &str, ident: &syn::Ident, span: Span) -> Entry {
    Entry { is_core: true, ..other(prefix, keyword, ident, span) }
}

fn other(prefix: &str, keyword: &str, ident: &syn::Ident, span: Span) -> Entry {
    let name = format!("{prefix}{ident}");
    let aliases = vec![name.clone(), format!("{keyword}{name}")];
    Entry {
        name: format!("{keyword} {name}"),
        lines: lines(span),
        is_core: false,
        aliases,
    }
}

fn macro_entry(prefix: &str, item: &syn::ItemMacro) -> Entry {
    let called = item.mac.path.segments.last().map(|it| it.ident.to_string());
    let name = match &item.ident {
        Some(ident) => ident.to_string(),
        None => called.unwrap_or_default(),
    };
    let name = format!("{prefix}{name}!");
    Entry { aliases: vec![name.clone()], name, lines: lines(item.span()), is_core: false }
}

fn impl_entries(prefix: &str, item: &syn::ItemImpl, entries: &mut Vec<Entry>) {
    let whole = source(&item.self_ty);
    let short = short(&item.self_ty);
    let of_trait = item.trait_.as_ref().map(|it| {
        let path = &it.0;
        let name =
            path.segments.last().map(|it| it.ident.to_string()).unwrap_or_default();
        (source(path), name)
    });
    let aliases = match &of_trait {
        None => vec![format!("impl{short}"), format!("impl{whole}")],
        Some((path, name)) => {
            vec![format!("impl{name}for{short}"), format!("impl{path}for{whole}")]
        }
    };
    let name = match &of_trait {
        None => format!("impl {prefix}{whole}"),
        Some((path, _)) => format!("impl {path} for {prefix}{whole}"),
    };
    let is_empty = item.items.is_empty();
    let aliases =
        aliases.iter().map(|it| it.replacen("impl", &format!("impl{prefix}"), 1));
    let aliases = aliases.collect();
    entries.push(Entry { name, lines: lines(item.span()), is_core: is_empty, aliases });
    for inner in &item.items {
        let ImplItem::Fn(method) = inner else { continue };
        let name = &method.sig.ident;
        let mut aliases = vec![format!("{prefix}{short}::{name}")];
        let mut full = format!("{prefix}{short}::{name}");
        if let Some((path, of_trait)) = &of_trait {
            aliases.push(format!("<{prefix}{short}as{of_trait}>::{name}"));
            aliases.push(format!("<{prefix}{whole}as{path}>::{name}"));
            full = format!("<{prefix}{whole} as {path}>::{name}");
        }
        let lines = lines(method.span());
        entries.push(Entry { name: full, lines, is_core: true, aliases });
    }
}

impl Entry {
    fn is_called(&self, squeezed: &str) -> bool {
        self.aliases.iter().any(|it| it == squeezed)
    }
}

fn lines(span: Span) -> Lines {
    Lines { first: span.start().line, last: span.end().line }
}

/// A type by its last name: `Deferred` of `crate::Deferred<T>`.
fn short(ty: &Type) -> String {
    match ty {
        Type::Path(it) => {
            it.path.segments.last().map(|it| it.ident.to_string()).unwrap_or_default()
        }
        Type::Reference(it) => short(&it.elem),
        _ => source(ty),
    }
}

/// A piece of the source as it stands there, but for the blanks.
fn source(node: &impl Spanned) -> String {
    squeezed(&node.span().source_text().unwrap_or_default())
}

fn squeezed(text: &str) -> String {
    text.split_whitespace().collect()
}

fn names(entries: &[Entry]) -> String {
    let mut names: Vec<_> =
        entries.iter().take(MOST_NAMES).map(|it| it.name.as_str()).collect();
    if entries.len() > MOST_NAMES {
        names.push("…");
    }
    names.join(", ")
}
