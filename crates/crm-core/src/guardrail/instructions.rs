//! What the model was told, and what it says about itself: neither belongs into a letter.

use std::collections::HashSet;
use std::ops::Range;

use super::text::Text;

/// How many words in a row of the prompt make a leak.
const RUN: usize = 7;

/// Sayings of a model, word by word; `*` at the end of a word stands for any ending.
const SAYINGS: &[&str] = &[
    "as an ai",
    "as a language model",
    "as a large language model",
    "i am an ai",
    "i'm an ai",
    "ai language model",
    "ai assistant",
    "system prompt",
    "my instructions",
    "the instructions",
    "i cannot assist",
    "i can't assist",
    "i cannot help with that",
    "here is the message you requested",
    "here is your message",
    "here is the message",
    "here's the message",
    "here is a draft",
    "here's a draft",
    "here is a short message",
    "as requested here is",
    "certainly here is",
    "sure here is",
    "sure here's",
    "как языковая модель",
    "языков* модел*",
    "как ии",
    "я ии",
    "искусственн* интеллект и не",
    "я искусственн* интеллект",
    "как искусственн* интеллект",
    "систем* промпт*",
    "системн* инструкц*",
    "согласно инструкц*",
    "в соответствии с инструкц*",
    "вот вариант письма",
    "вот вариант сообщения",
    "вот текст письма",
    "вот текст сообщения",
    "вот ваше сообщение",
    "вот письмо которое",
    "конечно вот",
    "я не могу выполнить",
    "til modeli",
    "sun'iy intellekt sifatida",
    "men sun'iy intellekt*",
    "tizim ko'rsatma*",
    "ko'rsatmalarga ko'ra",
    "ko'rsatmaga muvofiq",
    "mana siz so'ragan",
    "mana xat matni",
    "mana xabar matni",
    "тил модели",
    "сунъий интеллект сифатида",
    "мен сунъий интеллект*",
    "тизим кўрсатма*",
    "кўрсатмаларга кўра",
    "кўрсатмага мувофиқ",
    "мана сиз сўраган",
    "мана хат матни",
    "мана хабар матни",
];

/// Runs of words of the prompt.
pub(super) struct Prompt(HashSet<String>);

impl Prompt {
    pub(super) fn new(prompt: &[&str]) -> Self {
        let mut runs = HashSet::new();
        for text in prompt {
            for words in Text::new(text).words.windows(RUN) {
                let words: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
                runs.insert(words.join(" "));
            }
        }
        Self(runs)
    }
}

/// Sayings, runs of the prompt, JSON and fences of code.
pub(super) fn find(text: &Text, prompt: &Prompt) -> Vec<(Range<usize>, &'static str)> {
    let mut found = Vec::new();
    for span in phrases(text, SAYINGS) {
        found.push((span, "the model speaks of itself or of its task"));
    }
    let mut leak: Option<Range<usize>> = None;
    if !prompt.0.is_empty() {
        for words in text.words.windows(RUN) {
            let run: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
            if let (true, Some(first), Some(last)) = (
                prompt.0.contains(&run.join(" ")),
                words.first(),
                words.last(),
            ) {
                // Runs that overlap are one.
                match &mut leak {
                    Some(span) if first.span.start <= span.end => span.end = last.span.end,
                    _ => {
                        found.extend(leak.take().map(|span| (span, LEAK)));
                        leak = Some(first.span.start..last.span.end);
                    }
                }
            }
        }
    }
    found.extend(leak.map(|span| (span, LEAK)));
    found.extend(
        format(text)
            .into_iter()
            .map(|span| (span, "the format of the answer instead of its text")),
    );
    found
}

const LEAK: &str = "words of the model's instructions";

/// Where one of the phrases stands.
pub(super) fn phrases(text: &Text, phrases: &[&str]) -> Vec<Range<usize>> {
    let phrases: Vec<Vec<&str>> = phrases
        .iter()
        .map(|phrase| phrase.split(' ').collect())
        .collect();
    let fits = |word: &str, want: &str| match want.strip_suffix('*') {
        Some(stem) => word.starts_with(stem),
        None => word == want,
    };
    let mut found: Vec<Range<usize>> = Vec::new();
    for (at, word) in text.words.iter().enumerate() {
        let last = phrases
            .iter()
            .filter_map(|phrase| {
                let words = text.words.get(at..at + phrase.len())?;
                words
                    .iter()
                    .zip(phrase)
                    .all(|(word, want)| fits(&word.text, want))
                    .then(|| words.last())?
            })
            .max_by_key(|word| word.span.end);
        if let Some(last) = last
            && found.last().is_none_or(|span| span.end <= word.span.start)
        {
            found.push(word.span.start..last.span.end);
        }
    }
    found
}

/// `{"`, `[{`, a fence of code, `"content":`.
fn format(text: &Text) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(c) = text.at(at) {
        let length = match c {
            '{' if matches!(text.after(at + 1), Some('"' | '\'')) => 1,
            '[' if text.at(at + 1) == Some('{') => 2,
            '`' if text.slice(at..at + 3) == ['`'; 3] => 3,
            '"' => key(text, at).unwrap_or_default(),
            _ => 0,
        };
        if length > 0 {
            found.push(at..at + length);
        }
        at += length.max(1);
    }
    found
}

/// The length of a quoted word with a colon behind it.
fn key(text: &Text, at: usize) -> Option<usize> {
    let inside = text.slice(at + 1..text.chars.len());
    let length = inside.iter().take(24).position(|&c| c == '"')?;
    let word = inside.get(..length)?;
    let is_word = length > 0 && word.iter().all(|c| c.is_ascii_lowercase() || *c == '_');
    (is_word && text.after(at + length + 2) == Some(':')).then_some(length + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prompt_the_format_and_the_model_itself_are_found() {
        let prompt =
            Prompt::new(&["Use only facts from the data; invent no offers, prices or dates."]);
        let found = |text: &str| find(&Text::new(text), &prompt).len();
        for text in [
            "As an AI, I wish you well",
            "Языковые модели не едят тортов",
            "We use only facts from the data, invent no offers, prices or dates",
            "{ \"content\": 1}",
            "```\nHello",
        ] {
            assert!(found(text) > 0, "{text}");
        }
        for text in [
            "We use only facts",
            "Мы внедряем искусственный интеллект на складе.",
            "{name}",
            "\"Вектор\": новости",
        ] {
            assert_eq!(found(text), 0, "{text}");
        }
    }
}
