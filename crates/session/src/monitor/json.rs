//! JSON texts out of a stream of bytes, which need not end in line breaks.

/// Bytes of one request at most.
const LARGEST: usize = 16 << 20;

/// What came out of the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Text {
    /// An object with all of its braces, or a line that is none
    Complete(String),
    /// The request is larger than any that can be meant; the rest of it is dropped
    TooLong,
}

/// Finds the ends of JSON objects. Strings may be in single quotes, as QEMU takes them.
#[derive(Debug, Default)]
pub struct Splitter {
    text: Vec<u8>,
    /// Braces and brackets that are open
    depth: u32,
    /// The quote that ends the present string
    quote: Option<u8>,
    escaped: bool,
    too_long: bool,
}

impl Splitter {
    /// Takes a byte. Returns the text that it completes.
    pub fn push(&mut self, byte: u8) -> Option<Text> {
        if self.text.len() >= LARGEST && !std::mem::replace(&mut self.too_long, true) {
            self.text.clear();
        }
        if self.text.is_empty() && self.depth == 0 && byte.is_ascii_whitespace() && !self.too_long {
            return None;
        }
        if !self.too_long {
            self.keep(byte);
        }
        let done = match (self.quote, byte) {
            (Some(_), _) if std::mem::take(&mut self.escaped) => false,
            (Some(_), b'\\') => {
                self.escaped = true;
                false
            }
            (Some(quote), byte) if byte == quote => {
                self.quote = None;
                false
            }
            // A string ends with its line: what follows a quote that was forgotten is not lost.
            (Some(_), b'\n') => {
                (self.quote, self.depth) = (None, 0);
                true
            }
            (Some(_), _) => false,
            (None, b'"' | b'\'') if self.depth > 0 => {
                self.quote = Some(byte);
                false
            }
            (None, b'{' | b'[') => {
                self.depth = self.depth.saturating_add(1);
                false
            }
            (None, b'}' | b']') => {
                self.depth = self.depth.saturating_sub(1);
                self.depth == 0
            }
            (None, b'\n') => self.depth == 0,
            _ => false,
        };
        done.then(|| self.take())
    }

    /// Adds a byte to the text; single quotes become double ones.
    fn keep(&mut self, byte: u8) {
        match (self.quote, byte) {
            (None, b'\'') if self.depth > 0 => self.text.push(b'"'),
            (Some(b'\''), b'\'') if self.escaped => {
                // \' is no escape of JSON's.
                self.text.pop();
                self.text.push(b'\'');
            }
            (Some(b'\''), b'\'') => self.text.push(b'"'),
            (Some(b'\''), b'"') if !self.escaped => self.text.extend(b"\\\""),
            _ => self.text.push(byte),
        }
    }

    fn take(&mut self) -> Text {
        let text = std::mem::take(&mut self.text);
        if std::mem::take(&mut self.too_long) {
            return Text::TooLong;
        }
        Text::Complete(String::from_utf8_lossy(&text).trim().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(bytes: &[u8]) -> Vec<String> {
        let mut splitter = Splitter::default();
        let text = |text| match text {
            Text::Complete(text) => text,
            Text::TooLong => "too long".to_owned(),
        };
        bytes.iter().filter_map(|&byte| splitter.push(byte)).map(text).collect()
    }

    #[test]
    fn objects_end_with_their_braces() {
        assert_eq!(
            split(b"{\"a\":1}{\"b\":\r\n [2, {}]}\r\n\n {}"),
            ["{\"a\":1}", "{\"b\":\r\n [2, {}]}", "{}"]
        );
        assert_eq!(split(b"{\"a\":\"}{\\\"\"}{"), ["{\"a\":\"}{\\\"\"}"]);
    }

    #[test]
    fn what_is_no_object_is_a_line() {
        assert_eq!(split(b"garbage\n{}\n] 7\n\"x\"\n"), ["garbage", "{}", "]", "7", "\"x\""]);
        assert_eq!(split(b"{\"a\n{}\n"), ["{\"a", "{}"]);
    }

    #[test]
    fn single_quotes_are_double_ones() {
        assert_eq!(split(b"{'a': 'it\\'s \"b\"'}"), ["{\"a\": \"it's \\\"b\\\"\"}"]);
        assert_eq!(split(b"{'a\\\\': \"'\"}"), ["{\"a\\\\\": \"'\"}"]);
    }

    #[test]
    fn a_request_without_end_is_dropped() {
        let mut bytes = b"{\"a\": [".to_vec();
        bytes.resize(LARGEST + 1000, b' ');
        bytes.extend(b"]}{}");
        assert_eq!(split(&bytes), ["too long", "{}"]);
    }
}
