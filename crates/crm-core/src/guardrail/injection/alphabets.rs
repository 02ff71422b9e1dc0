//! Words that borrow letters of another alphabet because they look the same.

/// Latin letters and the Cyrillic ones that look like them.
const PAIRS: &[(char, char)] = &[
    ('a', 'а'),
    ('c', 'с'),
    ('e', 'е'),
    ('h', 'һ'),
    ('i', 'і'),
    ('j', 'ј'),
    ('o', 'о'),
    ('p', 'р'),
    ('s', 'ѕ'),
    ('x', 'х'),
    ('y', 'у'),
    ('A', 'А'),
    ('B', 'В'),
    ('C', 'С'),
    ('E', 'Е'),
    ('H', 'Н'),
    ('I', 'І'),
    ('K', 'К'),
    ('M', 'М'),
    ('O', 'О'),
    ('P', 'Р'),
    ('T', 'Т'),
    ('X', 'Х'),
    ('Y', 'У'),
];

/// The text with all such letters Latin, and with all of them Cyrillic, sign by sign at the same places; nothing for
/// a text that is written in one alphabet.
pub(super) fn each_alone(text: &str) -> Option<[String; 2]> {
    let cyrillic = |c: char| ('\u{400}'..='\u{52f}').contains(&c);
    let mixed = text.chars().any(cyrillic) && text.chars().any(|c| c.is_ascii_alphabetic());
    mixed.then(|| {
        let latin = |c: char| PAIRS.iter().find(|(_, cyrillic)| *cyrillic == c);
        let cyrillic = |c: char| PAIRS.iter().find(|(latin, _)| *latin == c);
        [
            text.chars()
                .map(|c| latin(c).map_or(c, |pair| pair.0))
                .collect(),
            text.chars()
                .map(|c| cyrillic(c).map_or(c, |pair| pair.1))
                .collect(),
        ]
    })
}

#[cfg(test)]
mod tests {
    use super::each_alone;

    #[test]
    fn borrowed_letters_are_read_in_either_alphabet() {
        let [latin, cyrillic] = each_alone("Sеrviсе и сеpвиc").unwrap();
        assert_eq!(latin.split(' ').next(), Some("Service"));
        assert_eq!(cyrillic.split(' ').next_back(), Some("сервис"));
        assert_eq!(
            (each_alone("Service"), each_alone("сервис 24")),
            (None, None)
        );
    }
}
