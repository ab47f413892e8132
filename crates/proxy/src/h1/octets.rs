//! Classes of octets, by table or without branches: every octet of every head passes here.

/// Whether each octet may stand in a token.
const TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 128 {
        let octet = byte as u8;
        table[byte] = octet.is_ascii_alphanumeric() || is_token_mark(octet);
        byte += 1;
    }
    table
};

const fn is_token_mark(octet: u8) -> bool {
    matches!(
        octet,
        b'!' | b'#'
            | b'$'
            | b'%'
            | b'&'
            | b'\''
            | b'*'
            | b'+'
            | b'-'
            | b'.'
            | b'^'
            | b'_'
            | b'`'
            | b'|'
            | b'~'
    )
}

/// How many octets at the front of `text` may stand in a token (RFC 9110 §5.6.2).
pub(super) fn token_len(text: &[u8]) -> usize {
    text.iter().position(|b| !TOKEN[usize::from(*b)]).unwrap_or(text.len())
}

/// Whether any octet may not stand in a field value.
pub(super) fn has_control(text: &[u8]) -> bool {
    // Looking at all of them without stopping lets the compiler look at sixteen at a time.
    text.iter().fold(false, |found, b| found | ((*b < 0x20) & (*b != b'\t')) | (*b == 0x7f))
}

/// Whether any octet may not stand in a request target: controls, space, `#`, and what is not ASCII.
pub(super) fn has_non_target(text: &[u8]) -> bool {
    text.iter().fold(false, |found, b| found | (*b <= 0x20) | (*b >= 0x7f) | (*b == b'#'))
}

/// Where `needle` stands in `text`.
pub(super) fn find(text: &[u8], needle: u8) -> Option<usize> {
    memchr::memchr(needle, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_those_of_the_rfc() {
        for octet in 0..=u8::MAX {
            let delimiter = b"\"(),/:;<=>?@[\\]{}".contains(&octet);
            let token = octet.is_ascii_graphic() && !delimiter;
            assert_eq!(token_len(&[b'a', octet]), 1 + usize::from(token), "{octet:#x}");
            let long = [&[b'x'; 20][..], &[octet], &[b'x'; 20]].concat();
            assert_eq!(has_control(&long), octet.is_ascii_control() && octet != b'\t', "{octet:#x}");
            assert_eq!(has_non_target(&long), !octet.is_ascii_graphic() || octet == b'#', "{octet:#x}");
        }
        assert_eq!(find(b"a:b:", b':'), Some(1));
    }
}
