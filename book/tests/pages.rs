//! The finished pages: every kind of thing that can be wrong with a link, an id, a size.

mod support;

use support::Fixture;

#[track_caller]
fn assert_said(text: &str, said: &str) {
    assert_eq!(Fixture::saying(text).problems(), [format!("one.md:3: {said}")]);
}

#[test]
fn links_that_lead_somewhere_are_fine() {
    let fixture = Fixture::saying(
        "[a](two.md) [b](two.md#below) [c](#here) [d](https://example.org/#x) \
         [e](mailto:a@example.org) [f](picture.svg) ![g](picture.svg) [h](two.html#below) [i](#run:step=12)\n\n\
         ## Here\n\n<b id=\"run\" data-steps=\"12\">a</b> <img src=\"data:image/gif;base64,R0lGODlhAQABAAAAACw=\" alt=\"\">\n",
    );
    fixture.append("book/chapters/two.md", "\n## Below\n");
    fixture.write("book/chapters/picture.svg", "<svg/>");
    assert_eq!(fixture.problems(), [""; 0]);
}

/// What browsers follow, and what of it is written in an unusual way.
#[test]
fn good_links_are_fine_however_they_are_written() {
    for link in [
        "#top",
        "#TOP",
        "#",
        "two.html#",
        "two.html#top",
        "#old",
        "#new",
        "two.html#:~:text=other",
        "#new:~:text=some,words",
        " two.html ",
        "two.html?x=1#two",
        "tel:+4930123456",
        "sms:+4930123456",
        "MAILTO:a@example.org",
        "HTTPS://example.org/",
        "//example.org/x",
        "ftp://example.org/x",
        "10:30.html",
        "a_b:c.html",
        "#caf%C3%A9",
        "#100%25",
    ] {
        let fixture = Fixture::saying(&format!(
            "<a href=\"{link}\">x</a> <a name=\"old\">y</a> <b id=\"new\">z</b> \
             <b id=\"café\">z</b> <b id=\"100%25\">z</b>\n"
        ));
        fixture.write("book/chapters/10:30.html", "");
        fixture.write("book/chapters/a_b:c.html", "");
        assert_eq!(fixture.problems(), [""; 0], "{link}");
    }
    assert_said(
        "<a href=\"#olden\">x</a> <i name=\"olden\">y</i>",
        "the link #olden is dead: one.html has no #olden",
    );
    assert_said(
        "<a href=\"#no:~:text=x\">x</a>",
        "the link #no:~:text=x is dead: one.html has no #no:~:text=x",
    );
}

#[test]
fn a_dead_link_is_named() {
    assert_said("[a](three.md)", "the link three.html is dead: there is no three.html");
    let out = "the link ../two.html is dead: it leads out of the book";
    assert_said("[a](../two.md)", out);
    assert_said("![a](no.png)", "the link no.png is dead: there is no no.png");
    assert_said("<a href=\"sub/\">x</a>", "the link sub/ is dead: there is no sub/");
}

#[test]
fn a_dead_link_is_named_in_each_line_that_has_it() {
    let fixture = Fixture::saying("[a](no.md) [b](xno.md)\n\n[c](no.md)\n");
    fixture.write("book/chapters/xno.md", "");
    let summary = "- [One](one.md)\n- [Two](two.md)\n- [X](xno.md)\n";
    fixture.write("book/chapters/SUMMARY.md", summary);
    fixture.append("book/chapters/two.md", "\n[a](one.md#one)\n\n[b](one.md#on)\n");
    let dead = "the link no.html is dead: there is no no.html";
    let fragment = "the link one.html#on is dead: one.html has no #on";
    let said = [
        format!("one.md:3: {dead}"),
        format!("one.md:5: {dead}"),
        format!("two.md:5: {fragment}"),
    ];
    assert_eq!(fixture.problems(), said);
}

#[test]
fn what_is_wrong_with_what_a_directive_made_is_named_with_its_line() {
    let fixture = Fixture::saying("{{#quiz who}}\n\n{{#quiz who}}\n");
    let quiz = "[[question]]\nask = \"Who?\"\n\
                [[question.answer]]\ntext = \"I\"\ncorrect = true\nwhy = \"[a](no.md)\"\n\
                [[question.answer]]\ntext = \"You\"\nwhy = \"b\"\n";
    fixture.write("book/quizzes/who.toml", quiz);
    let twice = "the id quiz-who is used twice";
    let dead = "the link no.html is dead: there is no no.html";
    let said = ["3", "5"].map(|line| {
        [format!("one.md:{line}: {twice}"), format!("one.md:{line}: {dead}")]
    });
    assert_eq!(fixture.problems(), said.concat());
}

#[test]
fn a_link_that_is_defined_nowhere_is_named() {
    assert_said("See [a][b].", "the link [b] is defined nowhere");
    assert_eq!(Fixture::saying("[a][b] [c]\n\n[b]: two.md\n").problems(), [""; 0]);
}

#[test]
fn a_dead_fragment_is_named_on_this_page_and_on_another() {
    let said = "the link #a:step=2 is dead: one.html has no #a:step=2";
    assert_said("[a](#a:step=2)", said);
    let run = "<b id=\"run\" data-steps=\"12\">a</b>";
    for link in ["#run:step=13", "#run:step=0", "#run:step=x", "#here:step=1"] {
        let said = format!("the link {link} is dead: one.html has no {link}");
        assert_said(&format!("[a]({link}) {run} <b id=\"here\">b</b>"), &said);
    }
    assert_said("[a](#nowhere)", "the link #nowhere is dead: one.html has no #nowhere");
    assert_said(
        "[a](two.md#nowhere)",
        "the link two.html#nowhere is dead: two.html has no #nowhere",
    );
}

#[test]
fn a_link_from_the_root_works_only_on_a_server() {
    assert_said("[a](/two.html)", "/two.html begins at a root that files do not have");
}

#[test]
fn an_id_that_is_used_twice_is_named() {
    let twice = "<b id=\"x\">a</b> <b id=\"x\">b</b>";
    assert_said(twice, "the id x is used twice");
    let heading = "## Here\n\n<b id=\"here\">a</b>";
    assert_eq!(
        Fixture::saying(heading).problems(),
        ["one.md:5: the id here is used twice"]
    );
}

/// What a page could take from elsewhere, in which element, and from where.
const ELSEWHERE: &[(&str, &str, &str)] = &[
    ("<img src=\"https://a.example/b.png\" alt=\"\">", "img", "https://a.example/b.png"),
    ("<script src=\"//a.example/b.js\"></script>", "script", "//a.example/b.js"),
    ("<iframe src=\"http://a.example/\"></iframe>", "iframe", "http://a.example/"),
    (
        "<link href=\"https://a.example/b.css\" rel=\"x\">",
        "link",
        "https://a.example/b.css",
    ),
    (
        "<b style=\"background: url('https://a.example/b')\">x</b>",
        "b",
        "https://a.example/b",
    ),
    ("<img srcset=\"https://a.example/b 2x\" alt=\"\">", "img", "https://a.example/b"),
    ("<form action=\"https://a.example/\"></form>", "form", "https://a.example/"),
    (
        "<style>b { background: url(https://a.example/b) }</style>",
        "style",
        "https://a.example/b",
    ),
    ("<script>fetch('https://a.example/b')</script>", "script", "https://a.example/b"),
    (
        "<iframe srcdoc=\"<img src='https://a.example/b'>\"></iframe>",
        "iframe",
        "https://a.example/b",
    ),
    (
        "<meta http-equiv=\"refresh\" content=\"9;url=https://a.example/b\">",
        "meta",
        "https://a.example/b",
    ),
    ("<a href=\"javascript:alert(1)\">x</a>", "a", "javascript:alert(1)"),
    ("<a href=\"JavaScript:alert(1)\">x</a>", "a", "JavaScript:alert(1)"),
    ("<a href=\"file:///etc/passwd\">x</a>", "a", "file:///etc/passwd"),
    ("<script>fetch('HTTPS://a.example/b')</script>", "script", "HTTPS://a.example/b"),
];

#[test]
fn nothing_comes_from_elsewhere() {
    for (html, element, target) in ELSEWHERE {
        assert_said(html, &format!("<{element}> takes {target} from somewhere else"));
    }
}

#[test]
fn styles_and_scripts_are_looked_at_as_well() {
    let fixture = Fixture::new();
    let extra = "additional-css = [\"theme/a.css\"]\nadditional-js = [\"theme/a.js\"]\n";
    let config = std::fs::read_to_string(fixture.book().join("book.toml")).unwrap();
    let with = config.replace("input-404", &format!("{extra}input-404"));
    fixture.write("book/book.toml", &with);
    let style = "@import 'https://a.example/y';\n\na { background: url(no.png) }\n";
    fixture.write("book/theme/a.css", style);
    fixture.write("book/theme/a.js", "\nfetch('https://a.example/x')");
    let said = [
        "theme/a.css:1: <style> takes https://a.example/y from somewhere else",
        "theme/a.css:3: the link no.png is dead: there is no theme/no.png",
        "theme/a.js:2: <script> takes https://a.example/x from somewhere else",
    ];
    assert_eq!(fixture.problems(), said);
    fixture.write("book/theme/a.css", "a {}");
    fixture.write("book/theme/a.js", &"// http://www.w3.org/2000/svg\n".repeat(3000));
    let said = fixture.problems();
    assert_eq!(said, ["theme: our scripts and styles have 90004 B, of 70000 B at most"]);
}

#[test]
fn a_page_stays_small() {
    let said_of = |n| Fixture::saying(&"A sentence of words. ".repeat(n)).problems();
    assert_eq!(said_of(8_000), [""; 0]);
    let said = said_of(9_000);
    assert_eq!(said.len(), 1);
    assert!(said[0].starts_with("one.md: the page has "), "{said:?}");
}

/// The labels of a picture are in every chapter, and whoever finds an answer has not thought of
/// it. The guess is the chapter's own text: what it folds is looked for.
#[test]
fn the_search_finds_no_pictures_and_no_answers() {
    let fixture = Fixture::saying(
        "Herring.\n\n{{#map loop}}\n\n{{#quiz who}}\n\n{{#figure one}}\n\n\
         {{#trace countdown async-await}}\n\n{{#guess}}\n\nMackerel.\n\n{{#guessed}}\n",
    );
    fixture.write(
        "book/quizzes/who.toml",
        "[[question]]\nask = \"Blenny?\"\norder = [\"cod\", \"dab\", \"eel\"]\nwhy = \"Ide.\"\n\
         [[question]]\nask = \"Goby?\"\n\
         [[question.answer]]\ntext = \"gar\"\ncorrect = true\nwhy = \"hake\"\n\
         [[question.answer]]\ntext = \"ling\"\nwhy = \"parr\"\n",
    );
    fixture.write(
        "book/figures/one.toml",
        "title = \"Ruffe\"\nwords = \"Shad.\"\ncolumns = 2\n\
         [[box]]\nname = \"one\"\nat = [0, 0]\ntext = \"tench\"\n",
    );
    fixture.recorded(&["turn-ended"]);
    let page = fixture.page().to_lowercase();
    let index = searched(&fixture).to_lowercase();
    assert!(index.contains("herring") && index.contains("mackerel"), "{index}");
    for word in [
        "decides who runs next",
        "in this chapter",
        "blenny",
        "cod",
        "ide.",
        "goby",
        "gar",
        "hake",
        "ling",
        "parr",
        "ruffe",
        "shad",
        "tench",
        "turn 0 ends",
    ] {
        assert!(page.contains(word), "{word} is not in the page: {page}");
        assert!(!index.contains(word), "{word} is found");
    }
}

/// What the search reads.
fn searched(fixture: &Fixture) -> String {
    let folder = fixture.root().join("pages");
    let files = std::fs::read_dir(folder).expect("it is there").flatten();
    let is_index = |name: &str| name.starts_with("searchindex");
    let mut files = files.map(|it| it.path());
    let index =
        files.find(|it| it.file_name().and_then(|it| it.to_str()).is_some_and(is_index));
    std::fs::read_to_string(index.expect("there is an index")).expect("it is text")
}
