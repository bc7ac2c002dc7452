//! Telegram's HTML: a text with tags becomes a plain text, or is refused the way Telegram refuses it.

/// Tags that may be there.
const TAGS: [&str; 17] = [
    "a",
    "b",
    "strong",
    "i",
    "em",
    "u",
    "ins",
    "s",
    "strike",
    "del",
    "span",
    "tg-spoiler",
    "tg-emoji",
    "tg-time",
    "code",
    "pre",
    "blockquote",
];

/// The plain text of `html`, or the description that comes after "Bad Request: ".
pub(super) fn plain_text(html: &str) -> Result<String, String> {
    let mut text = String::with_capacity(html.len());
    let mut open: Vec<&str> = Vec::new();
    let mut rest = html;
    while let Some(letter) = rest.chars().next() {
        let at = html.len() - rest.len();
        match letter {
            '<' => {
                let (tag, after) = tag(rest, at)?;
                match tag.strip_prefix('/') {
                    Some(name) => close(&mut open, name.trim_end(), at)?,
                    None => open.push(start(tag, at)?),
                }
                rest = after;
            }
            '&' => {
                let (decoded, after) = entity(rest).unwrap_or(('&', &rest[1..]));
                text.push(decoded);
                rest = after;
            }
            other => {
                text.push(other);
                rest = &rest[other.len_utf8()..];
            }
        }
    }
    match open.last() {
        Some(tag) => Err(refused(format!("Can't find end tag corresponding to start tag \"{tag}\""))),
        None => Ok(text),
    }
}

fn refused(reason: impl std::fmt::Display) -> String {
    format!("can't parse entities: {reason}")
}

/// The inside of the tag at the beginning of `rest`, and what comes after it.
fn tag(rest: &str, at: usize) -> Result<(&str, &str), String> {
    let mut quote = None;
    for (place, letter) in rest.char_indices().skip(1) {
        match (quote, letter) {
            (None, '>') => return Ok((&rest[1..place], &rest[place + 1..])),
            (None, '"' | '\'') => quote = Some(letter),
            (Some(open), letter) if letter == open => quote = None,
            _ => {}
        }
    }
    if rest.starts_with("</") {
        return Err(refused(format_args!("Unclosed end tag at byte offset {at}")));
    }
    let name =
        rest[1..].split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '-').next().unwrap_or_default();
    Err(if TAGS.contains(&name.to_ascii_lowercase().as_str()) {
        refused(format_args!("Unclosed start tag at byte offset {at}"))
    } else {
        unsupported(name, at)
    })
}

fn unsupported(name: &str, at: usize) -> String {
    refused(format_args!("Unsupported start tag \"{name}\" at byte offset {at}"))
}

/// The name of a start tag, as the table has it.
fn start(tag: &str, at: usize) -> Result<&'static str, String> {
    let end = tag.find(|letter: char| letter.is_whitespace()).unwrap_or(tag.len());
    let (name, attributes) = tag.split_at(end);
    let known = TAGS.iter().find(|known| known.eq_ignore_ascii_case(name));
    let known = known.ok_or_else(|| unsupported(name, at))?;
    let has = |wanted: &str| attributes.contains(wanted);
    if *known == "span" && !has("\"tg-spoiler\"") && !has("'tg-spoiler'") {
        return Err(refused(format_args!("Tag \"span\" must have class \"tg-spoiler\" at byte offset {at}")));
    }
    if *known == "tg-emoji" && !has("emoji-id") {
        return Err(refused(format_args!("Tag \"tg-emoji\" must have attribute \"emoji-id\" at byte offset {at}")));
    }
    Ok(known)
}

fn close(open: &mut Vec<&str>, name: &str, at: usize) -> Result<(), String> {
    let Some(expected) = open.pop() else {
        return Err(refused(format_args!("Unexpected end tag at byte offset {at}")));
    };
    if name.is_empty() || name.eq_ignore_ascii_case(expected) {
        return Ok(());
    }
    Err(refused(format_args!("Unmatched end tag at byte offset {at}, expected \"</{expected}>\", found \"</{name}>\"")))
}

/// The character of the entity at the beginning of `rest`; `None` if it is none, and the `&` stands for itself.
fn entity(rest: &str) -> Option<(char, &str)> {
    let (name, after) = rest[1..].split_once(';')?;
    let letter = match name {
        "lt" => '<',
        "gt" => '>',
        "amp" => '&',
        "quot" => '"',
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hexadecimal) => u32::from_str_radix(hexadecimal, 16),
                None => number.parse(),
            };
            char::from_u32(code.ok()?).filter(|letter| *letter != '\0')?
        }
    };
    Some((letter, after))
}

#[cfg(test)]
mod tests {
    use super::plain_text;

    #[test]
    fn tags_go_and_entities_become_what_they_stand_for() {
        for (html, plain) in [
            ("<b>a</b> &lt;b&gt; &amp;amp; &#33;&#x1F600;", "a <b> &amp; !😀"),
            ("<a href=\"http://x/?a=1>2\">x</a> > &nbsp; & b", "x > &nbsp; & b"),
            ("<pre><code class=\"language-rust\">1</code></pre><blockquote expandable>2</blockquote>", "12"),
            ("<B><i>nested</i></B><span class=\"tg-spoiler\">s</span>", "nesteds"),
        ] {
            assert_eq!(plain_text(html).as_deref(), Ok(plain));
        }
    }

    #[test]
    fn what_is_no_tag_of_telegram_is_refused_with_its_place() {
        for (html, reason) in [
            ("a < b", "Unsupported start tag \"\" at byte offset 2"),
            ("é <img src=x>", "Unsupported start tag \"img\" at byte offset 3"),
            ("<b>bold", "Can't find end tag corresponding to start tag \"b\""),
            ("<b>bold</b", "Unclosed end tag at byte offset 7"),
            ("<b", "Unclosed start tag at byte offset 0"),
            ("<b><i>x</b></i>", "Unmatched end tag at byte offset 7, expected \"</i>\", found \"</b>\""),
            ("x</b>", "Unexpected end tag at byte offset 1"),
            ("<span>x</span>", "Tag \"span\" must have class \"tg-spoiler\" at byte offset 0"),
            ("job <job-42> failed", "Unsupported start tag \"job-42\" at byte offset 4"),
        ] {
            let expected = format!("can't parse entities: {reason}");
            assert_eq!(plain_text(html), Err(expected), "{html}");
        }
    }
}
