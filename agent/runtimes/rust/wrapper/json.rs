//! Just enough JSON: the agent has checked the text before, so broken text only needs to end, not to be explained.

/// A JSON value; numbers keep their digits.
pub enum Value {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    List(Vec<Value>),
    Object(Vec<(String, Value)>),
}

/// The members of an object with the text of each value.
pub fn members(text: &'static str) -> Vec<(String, &'static str)> {
    let mut reader = Reader { text, at: 0 };
    let mut found = Vec::new();
    reader.blanks();
    reader.at += 1;
    loop {
        reader.blanks();
        match reader.peek() {
            b',' => reader.at += 1,
            b'"' => {
                let name = reader.string();
                reader.blanks();
                reader.at += 1;
                reader.blanks();
                let from = reader.at;
                reader.value();
                found.push((name, &text[from..reader.at.min(text.len())]));
            }
            _ => return found,
        }
    }
}

pub fn parse(text: &str) -> Value {
    Reader { text, at: 0 }.value()
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> u8 {
        self.text.as_bytes().get(self.at).copied().unwrap_or(0)
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), b' ' | b'\t' | b'\n' | b'\r') {
            self.at += 1;
        }
    }

    fn value(&mut self) -> Value {
        self.blanks();
        match self.peek() {
            b'{' => self.object(),
            b'[' => self.list(),
            b'"' => Value::Text(self.string()),
            b't' => self.word(4, Value::Bool(true)),
            b'f' => self.word(5, Value::Bool(false)),
            b'n' => self.word(4, Value::Null),
            _ => {
                let from = self.at;
                while matches!(self.peek(), b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9') {
                    self.at += 1;
                }
                // Whatever else this is, it must not hold up the reader.
                if from == self.at {
                    self.at = self.text.len();
                }
                Value::Number(self.text[from..self.at].to_string())
            }
        }
    }

    fn word(&mut self, length: usize, value: Value) -> Value {
        self.at += length;
        value
    }

    fn list(&mut self) -> Value {
        self.at += 1;
        let mut items = Vec::new();
        loop {
            self.blanks();
            match self.peek() {
                b',' => self.at += 1,
                b']' | 0 => {
                    self.at += 1;
                    return Value::List(items);
                }
                _ => items.push(self.value()),
            }
        }
    }

    fn object(&mut self) -> Value {
        self.at += 1;
        let mut items = Vec::new();
        loop {
            self.blanks();
            match self.peek() {
                b',' => self.at += 1,
                b'"' => {
                    let name = self.string();
                    self.blanks();
                    self.at += 1;
                    items.push((name, self.value()));
                }
                _ => {
                    self.at += 1;
                    return Value::Object(items);
                }
            }
        }
    }

    fn string(&mut self) -> String {
        self.at += 1;
        let mut text = String::new();
        loop {
            let rest = &self.text[self.at.min(self.text.len())..];
            let stop = rest.find(|char| char == '"' || char == '\\').unwrap_or(rest.len());
            text.push_str(&rest[..stop]);
            self.at += stop;
            match self.peek() {
                b'\\' => {
                    let char = self.escape();
                    text.push(char);
                }
                _ => {
                    self.at += 1;
                    return text;
                }
            }
        }
    }

    fn escape(&mut self) -> char {
        self.at += 1;
        let kind = self.peek();
        self.at += 1;
        match kind {
            b'n' => '\n',
            b't' => '\t',
            b'r' => '\r',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'u' => self.unicode(),
            other => other as char,
        }
    }

    /// Half of a pair becomes the replacement character.
    fn unicode(&mut self) -> char {
        let first = self.hex();
        if (0xd800..0xdc00).contains(&first) && self.text[self.at..].starts_with("\\u") {
            let back = self.at;
            self.at += 2;
            let second = self.hex();
            if (0xdc00..0xe000).contains(&second) {
                return char::from_u32(0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00)).unwrap_or('\u{fffd}');
            }
            self.at = back;
        }
        char::from_u32(first).unwrap_or('\u{fffd}')
    }

    fn hex(&mut self) -> u32 {
        let digits = self.text.get(self.at..self.at + 4).unwrap_or("");
        self.at += digits.len();
        u32::from_str_radix(digits, 16).unwrap_or(0xfffd)
    }
}

pub fn quote(text: &str, into: &mut String) {
    into.push('"');
    for char in text.chars() {
        match char {
            '"' => into.push_str("\\\""),
            '\\' => into.push_str("\\\\"),
            '\n' => into.push_str("\\n"),
            '\r' => into.push_str("\\r"),
            '\t' => into.push_str("\\t"),
            char if (char as u32) < 0x20 => into.push_str(&format!("\\u{:04x}", char as u32)),
            char => into.push(char),
        }
    }
    into.push('"');
}

pub fn object(members: &[(&str, &str)]) -> String {
    let mut text = String::from("{");
    for (at, (name, value)) in members.iter().enumerate() {
        if at > 0 {
            text.push(',');
        }
        quote(name, &mut text);
        text.push(':');
        quote(value, &mut text);
    }
    text.push('}');
    text
}
