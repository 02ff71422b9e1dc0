//! Cuts a text into words, quoted texts and signs, one at a time, and knows where each began.

use crate::error::{Error, Result};

/// A piece of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token<'t> {
    Word(&'t str),
    Quoted(String),
    /// A sign, as it is written: `( ) , = != < <= > >=`.
    Sign(&'static str),
    End,
}

/// A piece and the character it begins at, from 1.
#[derive(Debug, Clone)]
pub(super) struct Piece<'t> {
    pub(super) token: Token<'t>,
    pub(super) at: usize,
}

/// Longer ones first.
const SIGNS: [&str; 9] = ["!=", "<=", ">=", "(", ")", ",", "=", "<", ">"];
/// What people type for quotes, or a word processor makes of them.
const QUOTES: &str = "'`\u{ab}\u{bb}\u{2018}\u{2019}\u{201c}\u{201d}\u{201e}";

#[derive(Debug)]
pub(super) struct Lexer<'t> {
    rest: &'t str,
    at: usize,
}

impl<'t> Lexer<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { rest: text, at: 1 }
    }

    /// The next piece.
    pub(super) fn next(&mut self) -> Result<Piece<'t>> {
        let trimmed = self.rest.trim_start();
        self.skip(self.rest.len() - trimmed.len());
        let at = self.at;
        let token = self.token()?;
        Ok(Piece { token, at })
    }

    fn token(&mut self) -> Result<Token<'t>> {
        let Some(first) = self.rest.chars().next() else {
            return Ok(Token::End);
        };
        if first == '"' {
            return self.quoted();
        }
        let length = self.rest.find(|c| !in_word(c)).unwrap_or(self.rest.len());
        if length > 0 {
            return Ok(Token::Word(self.skip(length)));
        }
        for sign in SIGNS {
            if self.rest.starts_with(sign) {
                self.skip(sign.len());
                return Ok(Token::Sign(sign));
            }
        }
        Err(refuse(
            self.at,
            if QUOTES.contains(first) {
                "put texts in straight double quotes, as in \"big client\""
            } else {
                "this character can only stand in quotes, as in \"big client\""
            },
        ))
    }

    fn quoted(&mut self) -> Result<Token<'t>> {
        let begin = self.at;
        self.skip(1);
        let mut text = String::new();
        loop {
            let plain = self.rest.find(['"', '\\']);
            let Some(plain) = plain else {
                return Err(refuse(begin, "this quote is never closed"));
            };
            text.push_str(self.skip(plain));
            if self.rest.starts_with('"') {
                self.skip(1);
                return Ok(Token::Quoted(text));
            }
            let at = self.at;
            self.skip(1);
            match self.rest.chars().next() {
                Some(escaped @ ('"' | '\\')) => {
                    text.push(escaped);
                    self.skip(1);
                }
                _ => {
                    return Err(refuse(
                        at,
                        "behind a backslash comes a quote or another backslash",
                    ));
                }
            }
        }
    }

    /// Takes so many bytes, which end between two characters.
    fn skip(&mut self, bytes: usize) -> &'t str {
        let (head, tail) = self.rest.split_at_checked(bytes).unwrap_or((self.rest, ""));
        self.rest = tail;
        self.at += head.chars().count();
        head
    }
}

/// Whether a word may hold it.
pub(super) fn in_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ':' | '+' | '@')
}

/// An error at a character.
pub(super) fn refuse(at: usize, message: &str) -> Error {
    Error::field("audience", format!("at character {at}: {message}"))
}
