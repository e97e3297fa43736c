//! A short text on the stack: numbers and addresses are written by the million, and `std::fmt`
//! takes several times as long for their digits.

/// A text of at most `N` ASCII characters; what finds no room is left out.
pub(super) struct Short<const N: usize> {
    text: [u8; N],
    length: usize,
}

impl<const N: usize> Short<N> {
    pub fn new() -> Self {
        Short { text: [0; N], length: 0 }
    }

    pub fn push(mut self, text: &[u8]) -> Self {
        let end = self.length + text.len();
        if let Some(room) = self.text.get_mut(self.length..end) {
            room.copy_from_slice(text);
            self.length = end;
        }
        self
    }

    /// Adds a number in decimal.
    pub fn number(self, mut value: u32) -> Self {
        // The longest has ten digits.
        let mut digits = [0; 10];
        let mut first = digits.len();
        for (position, digit) in digits.iter_mut().enumerate().rev() {
            *digit = b'0' + u8::try_from(value % 10).unwrap_or_default();
            value /= 10;
            first = position;
            if value == 0 {
                break;
            }
        }
        self.push(digits.get(first..).unwrap_or_default())
    }

    pub fn as_str(&self) -> &str {
        let text = self.text.get(..self.length).unwrap_or_default();
        std::str::from_utf8(text).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_numbers_as_fmt_does_and_never_beyond_its_room() {
        for value in [0, 9, 10, 255, 64_500, 999_999_999, 1_000_000_000, u32::MAX] {
            let text = Short::<12>::new().push(b"AS").number(value);
            assert_eq!(text.as_str(), format!("AS{value}"));
        }
        assert_eq!(Short::<3>::new().push(b"AS").number(10).push(b"!").as_str(), "AS!");
    }
}
