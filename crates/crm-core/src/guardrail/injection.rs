//! Fields of a contact that read like instructions to a model. The prompt keeps data apart from rules
//! anyway; this tells a person where somebody tries.

use std::ops::Range;

use super::finding::{Finding, Part, Rule, Severity};
use super::instructions::phrases;
use super::text::Text;

/// Orders to forget, roles to take, secrets to tell, in Russian, English and Uzbek. `*` stands for any
/// ending.
const ORDERS: &[&str] = &[
    // English.
    "ignore previous",
    "ignore all",
    "ignore the",
    "ignore your",
    "ignore any",
    "ignore every*",
    "ignore prior",
    "ignore above",
    "disregard previous",
    "disregard all",
    "disregard the",
    "disregard your",
    "disregard any",
    "disregard prior",
    "disregard every*",
    "forget previous",
    "forget all",
    "forget your",
    "forget the",
    "forget every*",
    "forget prior",
    "override the",
    "override your",
    "override all",
    "override previous",
    "bypass the",
    "bypass your",
    "bypass all",
    "system prompt",
    "developer mode",
    "jailbreak*",
    "system message",
    "system override",
    "you are now",
    "you are an ai",
    "you are chatgpt",
    "act as",
    "pretend to",
    "pretend you",
    "roleplay as",
    "role play as",
    "from now on you",
    "from now on respond",
    "from now on write",
    "reveal your",
    "reveal the",
    "print your",
    "print the prompt",
    "repeat your",
    "repeat the words above",
    "show your prompt",
    "show me your instructions",
    "your instructions",
    "your rules",
    "your prompt",
    "instead write",
    "instead of the",
    "do not follow",
    "stop following",
    "do anything now",
    "respond only",
    "respond with",
    "reply only with",
    "reply with",
    "answer only",
    "answer with",
    "output only",
    "output the",
    "write only",
    "translate the above",
    "as an ai",
    "assistant must",
    "assistant should",
    "the assistant",
    "the model must",
    "the model should",
    "language model",
    "end of prompt",
    "end of instructions",
    "end of data",
    "note to the ai",
    "note to ai",
    "attention ai",
    "dear ai",
    "hey ai",
    "include the link",
    "add the link",
    "insert the link",
    "add this link",
    "include this link",
    "insert this link",
    "send all",
    "list all contacts",
    "list all customers",
    "tell the user",
    "tell the customer",
    "tell them that",
    "say that",
    "write that",
    // Russian.
    "игнорируй*",
    "проигнорируй*",
    "игнорировать предыдущ*",
    "игнорировать все",
    "забудь*",
    "забыть все",
    "не следуй*",
    "не выполняй*",
    "отмени* предыдущ*",
    "отмени* все",
    "предыдущие инструкции",
    "предыдущие указания",
    "все инструкции",
    "все правила",
    "системн* промпт*",
    "систем* сообщени*",
    "системн* инструкц*",
    "режим разработчика",
    "ты теперь",
    "теперь ты",
    "отныне ты",
    "вы теперь",
    "веди себя как",
    "действуй как",
    "притворись*",
    "представь что ты",
    "раскрой*",
    "выведи*",
    "покажи свой промпт",
    "покажи промпт",
    "покажи инструкц*",
    "покажи свои инструкц*",
    "свои инструкц*",
    "свой промпт",
    "твои инструкц*",
    "твои правила",
    "твоих правил",
    "вместо письма",
    "вместо поздравления",
    "вместо этого напиши",
    "напиши что",
    "напиши вместо",
    "напиши только",
    "ответь*",
    "отвечай*",
    "скажи что",
    "скажи клиент*",
    "добавь ссылку",
    "вставь ссылку",
    "укажи ссылку",
    "добавь в письмо",
    "вставь в письмо",
    "языков* модел*",
    "нейросет* напиши",
    "ассистент должен",
    "ассистент напиши",
    "конец инструкц*",
    "конец данных",
    "конец промпта",
    "внимание ии",
    "для ии",
    "обойди*",
    "перечисли всех",
    "отправь все*",
    // Uzbek in both scripts.
    "oldingi ko'rsatma*",
    "avvalgi ko'rsatma*",
    "barcha ko'rsatma*",
    "hamma ko'rsatma*",
    "ko'rsatmalarni e'tiborsiz",
    "ko'rsatmalarni unut*",
    "qoidalarni unut*",
    "qoidalarni e'tiborsiz",
    "barcha qoidalar*",
    "e'tiborsiz qoldir*",
    "tizim ko'rsatma*",
    "tizim xabari",
    "tizim prompt*",
    "sen endi",
    "endi sen",
    "siz endi",
    "endi siz",
    "o'zingni tut*",
    "faqat javob",
    "deb yoz*",
    "deb javob",
    "havolani qo'sh*",
    "havolani kirit*",
    "promptni ko'rsat*",
    "promptingni",
    "ko'rsatmalaringni",
    "til modeli",
    "xat o'rniga",
    "tabrik o'rniga",
    "barcha mijozlar*",
    "олдинги кўрсатма*",
    "аввалги кўрсатма*",
    "барча кўрсатма*",
    "ҳамма кўрсатма*",
    "кўрсатмаларни эътиборсиз",
    "кўрсатмаларни унут*",
    "қоидаларни унут*",
    "қоидаларни эътиборсиз",
    "барча қоидалар*",
    "эътиборсиз қолдир*",
    "тизим кўрсатма*",
    "тизим хабари",
    "тизим промпт*",
    "сен энди",
    "энди сен",
    "сиз энди",
    "энди сиз",
    "деб ёз*",
    "деб жавоб",
    "ҳаволани қўш*",
    "ҳаволани кирит*",
    "промптни кўрсат*",
    "промптингни",
    "кўрсатмаларингни",
    "тил модели",
    "хат ўрнига",
    "табрик ўрнига",
    "барча мижозлар*",
];

/// What an order begins with, when a colon follows.
const HEADINGS: &[&str] = &[
    "new instruction*",
    "updated instruction*",
    "новая инструкция",
    "новые инструкции",
    "новое задание",
    "yangi ko'rsatma*",
    "янги кўрсатма*",
];

/// Marks of roles and of the ends of blocks, in lower case, as they stand in the text without its blanks.
const MARKS: &[&str] = &[
    "<|",
    "|>",
    "[inst]",
    "[/inst]",
    "<<sys>>",
    "</system",
    "<system",
    "<assistant",
    "</assistant",
    "<user>",
    "</user>",
    "</contact",
    "</data",
    "</context",
    "</instruction",
    "<instruction",
    "</prompt",
    "<prompt",
    "###system",
    "###instruction",
    "##instruction",
    "###assistant",
    "###инструкц",
    "##инструкц",
    "###система",
    "###ko'rsatma",
    "\"role\":",
    "'role':",
    "{\"role\"",
    "\"system\":",
    "\"content\":",
    "\"instruction\":",
    "```",
    "<!--",
    "-->",
    "\"},{",
    "\"}]",
    "\"},\"",
    "---end",
    "===end",
    "---system",
    "===system",
    "===конец",
    "---конец",
    "{{",
    "{%",
    "[system]",
    "[assistant]",
    "(system)",
    "[система]",
    "javascript:",
    "base64,",
];

/// Roles that a line or a field begins with.
const ROLES: &[&str] = &[
    "system",
    "assistant",
    "developer",
    "human",
    "система",
    "ассистент",
    "системный",
    "tizim",
    "тизим",
    "yordamchi",
    "ёрдамчи",
];

/// What looks like an instruction in a field of a contact; the gravest sign is told. The severity is a
/// warning, as by default.
#[must_use]
pub fn looks_like_instruction(field: &str) -> Option<Finding> {
    let text = Text::new(field);
    let (span, message) = hidden(&text)
        .map(|span| (span, "signs that are not seen"))
        .or_else(|| marks(&text).map(|span| (span, "a mark of a role or of the end of a block")))
        .or_else(|| {
            let order = phrases(&text, ORDERS).into_iter().next();
            let heading = || {
                phrases(&text, HEADINGS)
                    .into_iter()
                    .find(|span| text.after(span.end) == Some(':'))
            };
            order
                .or_else(heading)
                .or_else(|| folded(&text))
                .map(|span| (span, "words of an order to a model"))
        })?;
    Some(Finding {
        rule: Rule::Injection,
        severity: Severity::Warning,
        part: Part::Field,
        span: Some(span),
        message: message.to_owned(),
    })
}

/// Bidi controls, tags and zero-width signs. Joiners are a part of emoji and of Persian, and a mark of order
/// at the very beginning is left by programs: both are no sign.
fn hidden(text: &Text) -> Option<Range<usize>> {
    for (at, &c) in text.chars.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|at| text.at(at));
        let between_letters = before.is_some_and(|c| c.is_alphanumeric() && !c.is_ascii_digit())
            && text.at(at + 1).is_some_and(char::is_alphanumeric);
        let hides = match c {
            '\u{feff}' => at > 0,
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{e0000}'..='\u{e007f}' => true,
            '\u{200b}' | '\u{2060}'..='\u{2064}' | '\u{3164}' | '\u{115f}' | '\u{1160}' => true,
            '\u{200c}' | '\u{200d}' => between_letters && before.is_some_and(is_joinless),
            '\u{ad}' => between_letters && at > 0,
            _ => false,
        };
        if hides {
            return Some(at..at + 1);
        }
    }
    None
}

/// Scripts that need no joiners.
fn is_joinless(c: char) -> bool {
    c.is_ascii_alphabetic() || ('\u{400}'..='\u{52f}').contains(&c)
}

fn marks(text: &Text) -> Option<Range<usize>> {
    // The signs without blanks, and where each stood.
    let mut squeezed = String::new();
    let mut places = Vec::new();
    for (at, &c) in text.chars.iter().enumerate() {
        if matches!(c, ' ' | '\t' | '\u{a0}') {
            continue;
        }
        for small in c.to_lowercase() {
            let small = if super::text::apostrophe(small) {
                '\''
            } else {
                small
            };
            places.extend(std::iter::repeat_n(at, small.len_utf8()));
            squeezed.push(small);
        }
    }
    for mark in MARKS {
        if let Some(from) = squeezed.find(mark)
            && let (Some(first), Some(last)) = (places.get(from), places.get(from + mark.len() - 1))
        {
            return Some(*first..last + 1);
        }
    }
    // `System: ...` at the beginning of the field or of a line.
    for word in &text.words {
        let role = ROLES.contains(&word.text.as_str());
        let begins = text
            .slice(0..word.span.start)
            .iter()
            .rev()
            .take(16)
            .find(|c| !matches!(c, ' ' | '*' | '#' | '[' | '>' | '-'));
        let begins = begins.is_none_or(|&c| c == '\n');
        if role && begins && text.after(word.span.end) == Some(':') {
            return Some(word.span.clone());
        }
    }
    None
}

/// The same orders in look-alike letters, or with figures for letters or dots between them.
fn folded(text: &Text) -> Option<Range<usize>> {
    let letters: String = text
        .chars
        .iter()
        .filter(|c| !matches!(c, '.' | '-' | '_' | '*' | ' ' | '·'))
        .flat_map(|c| c.to_lowercase())
        .map(|c| match c {
            '0' => 'o',
            '1' => 'i',
            '3' => 'e',
            '4' => 'a',
            '5' => 's',
            c => c,
        })
        .collect();
    let [look, _] = super::fold::look(&letters);
    let has = |phrase: &str| {
        let [phrase, _] = super::fold::look(phrase);
        look.contains(&phrase)
    };
    [
        "ignoreprevious",
        "ignoreall",
        "previousinstructions",
        "systemprompt",
        "предыдущиеинструкции",
        "игнорируйвсе",
    ]
    .into_iter()
    .any(has)
    .then_some(0..text.chars.len())
}
