//! Reads `or`, `and`, `not` and brackets. Recursion is bounded by [`DEPTH`], whatever the text is.

use super::lexer::{Lexer, Piece, Token, refuse};
use super::words::{self, CONDITIONS};
use crate::audience::Audience;
use crate::audience::evaluate::{DEPTH, NODES};
use crate::error::{Error, Result};

/// Reads the whole text.
pub(super) fn parse(text: &str) -> Result<Audience> {
    let mut parser = Parser::new(text)?;
    let audience = parser.any(0)?;
    match parser.next.token {
        Token::End => Ok(audience),
        _ => Err(parser.unexpected("and, or, or the end")),
    }
}

/// One piece ahead of what is read.
pub(super) struct Parser<'t> {
    lexer: Lexer<'t>,
    pub(super) next: Piece<'t>,
    parts: usize,
}

impl<'t> Parser<'t> {
    fn new(text: &'t str) -> Result<Self> {
        let mut lexer = Lexer::new(text);
        let next = lexer.next()?;
        Ok(Self {
            lexer,
            next,
            parts: 0,
        })
    }

    /// Takes the piece that is next.
    pub(super) fn take(&mut self) -> Result<Piece<'t>> {
        let following = self.lexer.next()?;
        Ok(std::mem::replace(&mut self.next, following))
    }

    /// Whether the word is next.
    pub(super) fn sees(&self, word: &str) -> bool {
        matches!(self.next.token, Token::Word(found) if words::is(found, word))
    }

    /// Takes the word if it is next.
    pub(super) fn word(&mut self, word: &str) -> Result<bool> {
        let seen = self.sees(word);
        if seen {
            self.take()?;
        }
        Ok(seen)
    }

    /// Takes the word, which has to be next.
    pub(super) fn wanted(&mut self, word: &'static str) -> Result<()> {
        if self.word(word)? {
            Ok(())
        } else {
            Err(self.unexpected(word))
        }
    }

    /// Takes the sign if it is next.
    pub(super) fn sign(&mut self, sign: &str) -> Result<bool> {
        let seen = matches!(self.next.token, Token::Sign(found) if found == sign);
        if seen {
            self.take()?;
        }
        Ok(seen)
    }

    /// Takes the sign, which has to be next.
    pub(super) fn wanted_sign(&mut self, sign: &'static str, expected: &str) -> Result<()> {
        if self.sign(sign)? {
            Ok(())
        } else {
            Err(self.unexpected(expected))
        }
    }

    /// Counts a condition or an operator, so that a long text is refused before it is a large audience.
    pub(super) fn part(&mut self) -> Result<()> {
        self.parts += 1;
        if self.parts > NODES {
            return Err(refuse(self.next.at, "it has more than 1,000 parts"));
        }
        Ok(())
    }

    /// What stands there instead of what was expected.
    pub(super) fn unexpected(&self, expected: &str) -> Error {
        let found = match &self.next.token {
            Token::End => "the end".to_owned(),
            Token::Quoted(_) => "a text in quotes".to_owned(),
            Token::Sign(sign) => (*sign).to_owned(),
            Token::Word(word) => match words::known(word) {
                Some(known) => format!("the word {known}"),
                None => "another word".to_owned(),
            },
        };
        refuse(self.next.at, &format!("expected {expected}, found {found}"))
    }

    fn any(&mut self, depth: usize) -> Result<Audience> {
        let mut parts = vec![self.all(depth)?];
        while self.word("or")? {
            parts.push(self.all(depth)?);
        }
        self.joined(parts, Audience::Or)
    }

    fn all(&mut self, depth: usize) -> Result<Audience> {
        let mut parts = vec![self.one(depth)?];
        while self.word("and")? {
            parts.push(self.one(depth)?);
        }
        self.joined(parts, Audience::And)
    }

    /// One part stands for itself.
    fn joined(
        &mut self,
        mut parts: Vec<Audience>,
        join: fn(Vec<Audience>) -> Audience,
    ) -> Result<Audience> {
        match parts.pop() {
            Some(only) if parts.is_empty() => Ok(only),
            last => {
                self.part()?;
                parts.extend(last);
                Ok(join(parts))
            }
        }
    }

    fn one(&mut self, depth: usize) -> Result<Audience> {
        if depth >= DEPTH {
            return Err(refuse(self.next.at, "it is nested deeper than 32"));
        }
        if self.word("not")? {
            self.part()?;
            return Ok(Audience::Not(Box::new(self.one(depth + 1)?)));
        }
        if self.sign("(")? {
            let inner = self.any(depth + 1)?;
            self.wanted_sign(")", "and, or, or a closing bracket")?;
            return Ok(inner);
        }
        if self.word("all")? {
            return Ok(Audience::And(self.list(depth)?));
        }
        if self.word("any")? {
            return Ok(Audience::Or(self.list(depth)?));
        }
        let Token::Word(word) = self.next.token else {
            return Err(self.unexpected("a condition, such as segment = VIP"));
        };
        match self.condition(word)? {
            Some(condition) => Ok(condition),
            None => Err(self.unknown(word)),
        }
    }

    /// `of (a, b)`, which may be empty.
    fn list(&mut self, depth: usize) -> Result<Vec<Audience>> {
        self.part()?;
        self.wanted("of")?;
        self.wanted_sign("(", "a bracket and a list")?;
        let mut parts = Vec::new();
        if self.sign(")")? {
            return Ok(parts);
        }
        loop {
            parts.push(self.any(depth + 1)?);
            if !self.sign(",")? {
                break;
            }
        }
        self.wanted_sign(")", "and, or, a comma, or a closing bracket")?;
        Ok(parts)
    }

    fn unknown(&self, word: &str) -> Error {
        let hint = words::hint(word, &CONDITIONS);
        match words::known(word) {
            Some(_) => self.unexpected("a condition, such as segment = VIP"),
            None => refuse(
                self.next.at,
                &format!("no condition begins with this word; {hint}"),
            ),
        }
    }
}
