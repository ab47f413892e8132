//! The words of a script line, as keepalived splits them (no shell).

/// Why a command cannot be split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum CommandError {
    /// There is no word.
    #[error("the command is empty")]
    Empty,
    /// A quote inside the command stays open.
    #[error("a quote inside the command is not closed")]
    OpenQuote,
    /// The last character is a backslash.
    #[error("the command ends with a backslash")]
    EndsWithBackslash,
    /// An escape makes a zero byte, which no argument can have.
    #[error("the command has a zero byte")]
    ZeroByte,
}

/// The program and its arguments. Quotes of both kinds group; backslash escapes are those of C and `\cX`, `\E`, and work
/// inside quotes as well.
pub(super) fn split(raw: &str) -> Result<Vec<String>, CommandError> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote: Option<char> = None;
    let mut rest = raw;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        match (quote, c) {
            (_, '\\') => {
                let (escaped, length) = escape(rest)?;
                rest = &rest[length..];
                word.get_or_insert_default().push(escaped);
            }
            (Some(open), c) if c == open => quote = None,
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    if quote.is_some() {
        return Err(CommandError::OpenQuote);
    }
    words.extend(word);
    match words.first() {
        None => Err(CommandError::Empty),
        Some(program) if program.is_empty() => Err(CommandError::Empty),
        Some(_) if words.iter().any(|word| word.contains('\0')) => Err(CommandError::ZeroByte),
        Some(_) => Ok(words),
    }
}

/// The character an escape stands for, and its length after the backslash.
fn escape(rest: &str) -> Result<(char, usize), CommandError> {
    let first = rest.chars().next().ok_or(CommandError::EndsWithBackslash)?;
    let bytes = rest.as_bytes();
    let run = |from: usize, most: usize, radix: u32| {
        bytes.iter().skip(from).take(most).take_while(|byte| char::from(**byte).is_digit(radix)).count()
    };
    let hex = run(1, 2, 16);
    let octal = run(0, 3, 8);
    Ok(match first {
        'x' if hex > 0 => (number(&rest[1..1 + hex], 16), 1 + hex),
        '0'..='7' => (number(&rest[..octal], 8), octal),
        'c' if bytes.get(1).is_some_and(u8::is_ascii) => (char::from(bytes[1] & 0x1f), 2),
        'a' => ('\x07', 1),
        'b' => ('\x08', 1),
        'E' => ('\x1b', 1),
        'f' => ('\x0c', 1),
        'n' => ('\n', 1),
        'r' => ('\r', 1),
        't' => ('\t', 1),
        'v' => ('\x0b', 1),
        other => (other, other.len_utf8()),
    })
}

/// The character of a byte given in digits; of a larger number the low byte, as in C.
fn number(digits: &str, radix: u32) -> char {
    let value = u32::from_str_radix(digits, radix).unwrap_or(0);
    char::from((value & 0xff) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_split_at_blanks_outside_quotes() {
        for (raw, expected) in [
            ("pkill -0 lbd", vec!["pkill", "-0", "lbd"]),
            ("  /bin/true  ", vec!["/bin/true"]),
            ("sh -c 'exit 1'", vec!["sh", "-c", "exit 1"]),
            ("a b\" c\"d e", vec!["a", "b cd", "e"]),
            ("a ''", vec!["a", ""]),
            ("a \"it's\"", vec!["a", "it's"]),
            ("a b\\ c", vec!["a", "b c"]),
            ("a \\x41\\102\\n\\\"", vec!["a", "AB\n\""]),
            ("a '\\''", vec!["a", "'"]),
            ("a \\cA", vec!["a", "\x01"]),
            ("a \\\u{e9}", vec!["a", "\u{e9}"]),
        ] {
            let expected: Vec<String> = expected.into_iter().map(str::to_owned).collect();
            assert_eq!(split(raw), Ok(expected), "{raw}");
        }
    }

    #[test]
    fn commands_that_cannot_run_are_errors() {
        for (raw, expected) in [
            ("", CommandError::Empty),
            ("   ", CommandError::Empty),
            ("'' a", CommandError::Empty),
            ("a 'b", CommandError::OpenQuote),
            ("a b\\", CommandError::EndsWithBackslash),
            ("a \\0", CommandError::ZeroByte),
        ] {
            assert_eq!(split(raw), Err(expected), "{raw}");
        }
    }
}
