//! Text from strangers, made safe to show on a terminal, in a log and on a page.

/// Replaces every character that a terminal or a page could take as a command.
///
/// Those are control characters and the marks that change the direction of text.
pub fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || is_direction_mark(c) { '?' } else { c }).collect()
}

fn is_direction_mark(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn h19_control_characters_and_direction_marks_are_replaced() {
        assert_eq!(printable("é \u{1b}[31m\n\u{202e}x\u{0}\u{85}"), "é ?[31m??x??");
    }
}
