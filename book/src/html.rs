//! Text on its way into HTML.

use std::borrow::Cow;

/// The text, so that a browser shows it as it is: in an element or in an attribute.
pub fn escape(text: &str) -> Cow<'_, str> {
    if !text.contains(['&', '<', '>', '"']) {
        return Cow::Borrowed(text);
    }
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    Cow::Owned(text.replace('"', "&quot;"))
}

/// A sentence of Markdown as the inside of an element: code, emphasis and links work.
///
/// A blank line would end the block of HTML that it stands in, so there is none.
pub fn inline(markdown: &str) -> String {
    let html = blocks(markdown);
    let html = html.trim();
    let alone = html.strip_prefix("<p>").and_then(|it| it.strip_suffix("</p>"));
    let html = alone.filter(|it| !it.contains("<p>")).unwrap_or(html);
    html.lines().filter(|line| !line.trim().is_empty()).collect::<Vec<_>>().join("\n")
}

/// Markdown as elements of HTML.
pub fn blocks(markdown: &str) -> String {
    let mut html = String::new();
    pulldown_cmark::html::push_html(&mut html, pulldown_cmark::Parser::new(markdown));
    html
}

/// A JSON text that can stand in a `<script>`: nothing in it ends the element.
pub fn json_in_script(json: &str) -> String {
    json.replace('<', "\\u003c")
}
