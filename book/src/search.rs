//! What the search searches: the words of the pages, without those that nobody looks for there
//! (the labels of maps, the steps of recordings, the answers of a quiz, the hints for an
//! exercise), and Python's names
//! with ours.
//!
//! It takes the place of mdBook's index, whose words are stems: `theme/search.js` reads it, and
//! finds a name as it is typed.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use html5gum::emitters::default::{DefaultEmitter, StartTag};
use html5gum::{Token, Tokenizer};
use lineage::error::Error;
use serde::Serialize;

/// The page that has Python's names in the first column of its tables, and ours in the second.
const DICTIONARY: &str = "appendix-dictionary.html";

/// Pages that are no chapters.
const LEFT_OUT: [&str; 4] = ["index.html", "toc.html", "404.html", "print.html"];

/// Classes of elements whose text is not searched.
const UNSEARCHED: [&str; 8] =
    ["quiz", "map", "cycle", "trace", "trace-pair", "drawing", "exercise", "hint"];

/// Elements that are not either.
const UNREAD: [&str; 4] = ["script", "style", "svg", "button"];

/// Elements without an end.
const VOID: [&str; 7] = ["br", "hr", "img", "input", "link", "meta", "wbr"];

/// A file, and what is to be in it.
pub type Index = Option<(PathBuf, String)>;

/// What the file holds.
#[derive(Debug, Default, Serialize)]
struct Searched {
    results_options: Options,
    search_options: BTreeMap<String, String>,
    /// Where each section is.
    doc_urls: Vec<String>,
    /// What stands there.
    #[serde(rename = "index")]
    sections: Vec<Section>,
    /// Our names, by Python's in small letters.
    python: BTreeMap<String, Vec<String>>,
}

#[derive(Debug, Serialize)]
struct Options {
    limit_results: u32,
    teaser_word_count: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self { limit_results: 30, teaser_word_count: 30 }
    }
}

/// What stands below a heading.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
struct Section {
    #[serde(skip)]
    id: String,
    title: String,
    body: String,
    breadcrumbs: String,
}

/// The index of a built book, and the file of mdBook's own, whose place it takes; nothing, if
/// there is none.
///
/// # Errors
///
/// Fails when a file cannot be read.
pub fn index(folder: &Path) -> Result<Index, Error> {
    let failed = |error: std::io::Error| {
        Error::Failure(format!("cannot make the index of the search: {error}"))
    };
    let mut names: Vec<_> = fs::read_dir(folder).map_err(failed)?.flatten().collect();
    names.sort_by_key(fs::DirEntry::file_name);
    let mut index = Searched::default();
    let mut place = None;
    for entry in names {
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = entry.path();
        match path.extension().and_then(|it| it.to_str()) {
            Some("js") if name.starts_with("searchindex") => place = Some(path),
            Some("html") if !LEFT_OUT.contains(&&*name) => {
                index.add(&name, &fs::read_to_string(path).map_err(failed)?);
            }
            _ => {}
        }
    }
    let Some(place) = place else { return Ok(None) };
    let json = serde_json::to_string(&index).map_err(Error::failure)?;
    let script = format!("window.search = Object.assign(window.search, {json});");
    Ok(Some((place, script)))
}

impl Searched {
    fn add(&mut self, page: &str, html: &str) {
        let main = html.split_once("<main>").and_then(|it| it.1.split_once("</main>"));
        let main = main.map_or("", |it| it.0);
        if page == DICTIONARY {
            self.python = dictionary(main);
        }
        for section in sections(main) {
            let anchor = if section.id.is_empty() { "" } else { "#" };
            self.doc_urls.push(format!("{page}{anchor}{}", section.id));
            self.sections.push(section);
        }
    }
}

/// The sections of a page, each from its heading to the next.
fn sections(html: &str) -> Vec<Section> {
    let (mut sections, mut section) = (Vec::new(), Section::default());
    let (mut chapter, mut in_heading, mut skipped) = (String::new(), false, 0_usize);
    let mut emitter = DefaultEmitter::default();
    emitter.naively_switch_states(true);
    for Ok(token) in Tokenizer::new_with_emitter(html, emitter) {
        match token {
            Token::StartTag(tag) if skipped > 0 || is_unsearched(&tag) => {
                skipped += usize::from(has_an_end(&tag));
            }
            Token::EndTag(_) if skipped > 0 => skipped -= 1,
            Token::StartTag(tag) => {
                if let Some(id) = heading(&tag) {
                    sections.push(std::mem::take(&mut section).finished(&chapter));
                    section.id = id;
                    in_heading = true;
                }
                if is_block(&tag.name) {
                    section.body.push(' ');
                }
            }
            Token::EndTag(tag) if is_heading(&tag.name) && in_heading => {
                in_heading = false;
                if chapter.is_empty() {
                    section.title.trim().clone_into(&mut chapter);
                }
            }
            Token::String(text) if skipped == 0 => {
                let text = String::from_utf8_lossy(&text);
                let part =
                    if in_heading { &mut section.title } else { &mut section.body };
                part.push_str(&text);
            }
            _ => {}
        }
    }
    sections.push(section.finished(&chapter));
    sections.retain(|it| !it.title.is_empty());
    sections
}

impl Section {
    fn finished(self, chapter: &str) -> Self {
        let plain = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let (title, body) = (plain(&self.title), plain(&self.body));
        let breadcrumbs = match plain(chapter) {
            chapter if chapter == title => title.clone(),
            chapter => format!("{chapter} » {title}"),
        };
        Self { id: self.id, title, body, breadcrumbs }
    }
}

/// The id of a heading, if that is one that a section begins with.
fn heading(tag: &StartTag<()>) -> Option<String> {
    let id = tag.attributes.get(b"id".as_slice()).filter(|_| is_heading(&tag.name))?;
    Some(String::from_utf8_lossy(id).into_owned())
}

fn is_heading(name: &[u8]) -> bool {
    matches!(name, b"h1" | b"h2" | b"h3")
}

fn is_block(name: &[u8]) -> bool {
    !matches!(name, b"span" | b"em" | b"strong" | b"code" | b"a" | b"wbr" | b"b" | b"i")
}

fn is_unsearched(tag: &StartTag<()>) -> bool {
    let class = tag.attributes.get(b"class".as_slice());
    let class = class.map(|it| String::from_utf8_lossy(it)).unwrap_or_default();
    UNREAD.iter().any(|it| it.as_bytes() == &**tag.name)
        || class.split_whitespace().any(|it| UNSEARCHED.contains(&it))
}

fn has_an_end(tag: &StartTag<()>) -> bool {
    !tag.self_closing && !VOID.iter().any(|it| it.as_bytes() == &**tag.name)
}

/// Python's names and ours, from the rows of the tables that have both.
fn dictionary(html: &str) -> BTreeMap<String, Vec<String>> {
    let mut python = BTreeMap::<String, Vec<String>>::new();
    for row in html.split("<tr>").skip(1) {
        let cells: Vec<_> = row.split("<td>").skip(1).map(names).collect();
        let [theirs, ours, ..] = &cells[..] else { continue };
        for name in theirs {
            let known = python.entry(name.to_lowercase()).or_default();
            known.extend(ours.iter().filter(|it| *it != name).cloned());
            known.dedup();
        }
    }
    python.retain(|_, ours| !ours.is_empty());
    python
}

/// The names in a cell: of `loop.call_soon(f)` the last, `call_soon`.
fn names(cell: &str) -> Vec<String> {
    let codes = cell.split("<code>").skip(1).filter_map(|it| it.split("</code>").next());
    let last = |code: &str| {
        let name = code.split(['(', '&', '[', ' ']).next().unwrap_or_default();
        name.rsplit(['.', ':']).next().unwrap_or_default().to_owned()
    };
    codes.map(last).filter(|it| !it.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_has_its_words_and_none_of_a_quiz_or_a_map() {
        let page = "<h1 id=\"a\"><a href=\"#a\">1. Who runs</a></h1><p>The <code>re</code>actor\
                    <br>asks.</p><figure class=\"map\"><svg><text>label</text></svg><p>os</p>\
                    </figure><h2 id=\"b\">Next</h2><div class=\"quiz big\"><div>why<br><img>\
                    </div>so</div><p>After.</p><script>code</script>";
        let section = |id: &str, title: &str, body: &str, breadcrumbs: &str| Section {
            id: id.into(),
            title: title.into(),
            body: body.into(),
            breadcrumbs: breadcrumbs.into(),
        };
        assert_eq!(
            sections(page),
            [
                section("a", "1. Who runs", "The reactor asks.", "1. Who runs"),
                section("b", "Next", "After.", "1. Who runs » Next"),
            ]
        );
    }

    /// Each of them, and what stands behind it is searched again.
    #[test]
    fn nobody_finds_what_a_picture_says_or_what_answers_a_question() {
        for (begin, end) in [
            ("<section class=\"quiz\"><div>", "</div></section>"),
            ("<figure class=\"map\"><ol>", "</ol></figure>"),
            ("<figure class=\"cycle\"><text>", "</text></figure>"),
            ("<figure class=\"trace\"><td>", "</td></figure>"),
            ("<div class=\"trace-pair\"><p>", "</p></div>"),
            ("<figure class=\"drawing\"><p>", "</p></figure>"),
            ("<script>", "</script>"),
            ("<style>", "</style>"),
            ("<svg><text>", "</text></svg>"),
            ("<button>", "</button>"),
            ("<div class=\"exercise\"><p>", "</p></div>"),
            ("<details class=\"hint\"><p>", "</p></details>"),
            ("<script>if (a <b) { c = '<p>'; }", "</script>"),
            ("<svg><path d=\"\"/><text>", "</text></svg>"),
            ("<div class=\"quiz\">a<br>b<hr>c<img>d", "</div>"),
            ("<div class=\"quiz\"><link><meta><wbr><input>", "</div>"),
        ] {
            let page = format!("<h1 id=\"a\">A</h1>{begin}hidden{end}<p>After.</p>");
            assert_eq!(sections(&page)[0].body, "After.", "{begin}");
        }
    }

    /// A class is left out and not what begins like it; a fold that is no hint belongs to the text.
    #[test]
    fn what_belongs_to_the_text_is_found_wherever_it_stands() {
        for (begin, end) in [
            ("<figure class=\"listing mapped\"><p>", "</p></figure>"),
            ("<details class=\"guess\"><p>", "</p></details>"),
            ("<h4 id=\"b\">", "</h4>"),
            ("<p id=\"b\">", "</p>"),
            ("<h2>", "</h2>"),
        ] {
            let page = format!("<h1 id=\"a\">A</h1>{begin}shown{end}<p>After.</p>");
            let found = sections(&page);
            assert_eq!(found.len(), 1, "{begin}: {found:?}");
            assert_eq!(found[0].body, "shown After.", "{begin}");
        }
        let found = sections("<h1 id=\"a\">A</h1>one<h3 id=\"b\">B</h3>two");
        let bodies: Vec<_> = found.iter().map(|it| (&*it.id, &*it.body)).collect();
        assert_eq!(bodies, [("a", "one"), ("b", "two")]);
    }

    /// What is in a page twice (the first one, the one to print) would be found twice, and what
    /// stands beside the text, as the menu does, in every page.
    #[test]
    fn only_chapters_are_searched_and_only_their_text() {
        let folder = tempfile::tempdir().expect("there is room");
        let row = "<tr><td><code>yield</code></td><td><code>give</code></td></tr>";
        for (name, text) in [
            ("index.html", "<h1 id=\"i\">I</h1>"),
            ("toc.html", "<h1 id=\"i\">I</h1>"),
            ("404.html", "<h1 id=\"i\">I</h1>"),
            ("print.html", "<h1 id=\"i\">I</h1>"),
            ("one.html", &format!("<h1 id=\"a\">A</h1>{row}<h2 id=\"b\">B</h2>")),
            (
                DICTIONARY,
                &format!("<h1 id=\"d\">D</h1>{}", row.replace("yield", "Defer")),
            ),
        ] {
            let page = format!("<h1 id=\"m\">Menu</h1><main>{text}</main><p>Foot</p>");
            fs::write(folder.path().join(name), page).expect("there is room");
        }
        assert!(
            index(folder.path()).expect("it can be read").is_none(),
            "nobody searches"
        );
        let place = folder.path().join("searchindex-1a2b.js");
        fs::write(&place, "").expect("there is room");
        let made = index(folder.path()).expect("it can be read");
        let (path, script) = made.expect("somebody searches");
        assert_eq!(path, place);
        let begin = "window.search = Object.assign(window.search, ";
        let json = script.strip_prefix(begin).and_then(|it| it.strip_suffix(");"));
        let json: serde_json::Value =
            serde_json::from_str(json.expect("it is a script")).expect("it is JSON");
        let urls =
            serde_json::json!(["appendix-dictionary.html#d", "one.html#a", "one.html#b"]);
        assert_eq!(json["doc_urls"], urls);
        assert_eq!(json["index"].as_array().map(Vec::len), Some(3), "{json}");
        assert_eq!(json["python"], serde_json::json!({ "defer": ["give"] }));
        assert!(!script.contains("Menu") && !script.contains("Foot"), "{script}");
    }

    #[test]
    fn a_name_in_a_dictionary_is_without_what_stands_around_it() {
        for (code, name) in [
            ("Reactor::select", "select"),
            ("loop.sock_recv(s)", "sock_recv"),
            ("Slot&lt;T&gt;", "Slot"),
            ("tasks[0]", "tasks"),
            ("yield from", "yield"),
        ] {
            assert_eq!(names(&format!("<code>{code}</code>")), [name]);
        }
        let row = "<tr><td><code>a</code></td><td><code>b</code></td></tr>";
        assert_eq!(dictionary(&row.repeat(2))["a"], ["b"], "it is offered once");
    }

    #[test]
    fn a_name_of_pythons_leads_to_ours() {
        let page = "<tr><td><code>reactor.callLater(0, f)</code>, <code>loop.call_soon</code></td>\
                    <td><code>call_soon</code></td><td><code>a.rs</code></td></tr>\
                    <tr><td>the same</td><td>a <code>Waker</code></td><td></td></tr>";
        let python = dictionary(page);
        let ours = vec!["call_soon".to_owned()];
        assert_eq!(python, [("calllater".to_owned(), ours)].into_iter().collect());
    }
}
