//! The part of Handlebars that templates may use, checked tag by tag without recursion.

use super::calls;
use super::values::VARIABLES;
use crate::contact::normalise::custom_name;
use crate::template::tongue::Tongue;

/// Most tags in one text.
const TAGS: usize = 300;
/// Deepest nesting of blocks.
const DEPTH: usize = 32;

/// Whether every tag is one that is offered, in the template's language.
pub(super) fn check(text: &str, language: &str) -> Result<(), String> {
    let (mut rest, mut tags) = (text, 0);
    let mut open: Vec<(&str, bool)> = Vec::new();
    while let Some((before, after)) = rest.split_once("{{") {
        if before.ends_with('\\') {
            return Err("a backslash must not stand before {{".to_owned());
        }
        tags += 1;
        if tags > TAGS {
            return Err("use at most 300 tags".to_owned());
        }
        let end = if after.starts_with("!--") {
            "--}}"
        } else {
            "}}"
        };
        let (tag, behind) = after
            .split_once(end)
            .ok_or_else(|| format!("a tag is not closed with {end}"))?;
        rest = behind;
        if tag.starts_with('!') {
            continue;
        }
        let tag = tag.strip_prefix('~').unwrap_or(tag);
        let tag = tag.strip_suffix('~').unwrap_or(tag).trim();
        if let Some(block) = tag.strip_prefix('#') {
            let (helper, condition) = block.split_once(char::is_whitespace).unwrap_or((block, ""));
            if !matches!(helper, "if" | "unless") {
                return Err("only the blocks #if and #unless are offered".to_owned());
            }
            self::condition(condition)?;
            open.push((helper, false));
            if open.len() > DEPTH {
                return Err("blocks are nested deeper than 32".to_owned());
            }
        } else if let Some(helper) = tag.strip_prefix('/') {
            match open.pop() {
                Some((opened, _)) if opened == helper.trim() => {}
                _ => return Err("a block is closed that was not opened".to_owned()),
            }
        } else if tag == "else" {
            match open.last_mut() {
                Some((_, closed)) if !*closed => *closed = true,
                _ => return Err("an else stands outside its block".to_owned()),
            }
        } else if let Some(chained) = tag.strip_prefix("else ") {
            match (open.last(), chained.trim().strip_prefix("if ")) {
                (Some((_, false)), Some(condition)) => self::condition(condition)?,
                _ => return Err("after else only if is offered".to_owned()),
            }
        } else if tag.contains(char::is_whitespace) {
            calls::check(tag, language)?;
        } else {
            variable(tag)?;
            if tag == "greeting" && Tongue::of(language).is_none() {
                return Err("greeting is offered in ru, en and uz alone; write one out".to_owned());
            }
        }
    }
    if open.is_empty() {
        Ok(())
    } else {
        Err("a block is not closed".to_owned())
    }
}

fn condition(text: &str) -> Result<(), String> {
    let text = text.trim();
    let Some(inner) = text.strip_prefix('(') else {
        return variable(text);
    };
    let words = "use (eq variable \"text\") to compare";
    let inner = inner
        .strip_suffix(')')
        .and_then(|inner| inner.trim().strip_prefix("eq "));
    let (left, right) = inner
        .and_then(|two| two.trim().split_once(' '))
        .ok_or(words)?;
    variable(left)?;
    let right = right.trim();
    let quoted = ['"', '\'']
        .into_iter()
        .find_map(|quote| right.strip_prefix(quote)?.strip_suffix(quote));
    let odd = |c: char| matches!(c, '"' | '\'' | '\\' | '{' | '}' | '(' | ')') || c.is_control();
    match quoted {
        Some(text) if text.contains(odd) => Err(words.to_owned()),
        Some(_) => Ok(()),
        None if !right.is_empty()
            && right.len() <= 15
            && right.bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            Ok(())
        }
        None if matches!(right, "true" | "false") => Ok(()),
        None => variable(right),
    }
}

pub(super) fn variable(name: &str) -> Result<(), String> {
    let custom = name.strip_prefix("custom.").is_some_and(custom_name);
    if custom || VARIABLES.contains(&name) {
        return Ok(());
    }
    let plain = name.len() <= 80
        && !name.is_empty()
        && name
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '-'));
    let known = VARIABLES.join(", ");
    Err(if plain {
        format!("there is no variable {name}; use {known} or custom.<field>")
    } else {
        format!(
            "a tag is not understood; use {known}, custom.<field>, date, plural, default, #if, #unless and else"
        )
    })
}
