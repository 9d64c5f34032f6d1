//! Strings of a policy that may hold wildcards and variables, compiled once.

use crate::Context;

/// A string of a policy, ready to be compared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pattern {
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    /// `*`: any run of characters, also none.
    Any,
    /// `?`, so many of them: any characters. They come before a `*` that they stand beside, for
    /// `*?` and `?*` say the same, and what follows a `*` is then a text to search for.
    Some(usize),
    Variable(Variable),
}

/// `${key}` or `${key, 'default'}`; the key is in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Variable {
    key: String,
    default: Option<String>,
}

/// What has a meaning of its own in a string; everything else stands for itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Syntax {
    pub wildcards: Wildcards,
    pub variables: Variables,
}

/// What `*` and `?` are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wildcards {
    Read,
    Text,
}

/// What `${…}` is: a variable since version 2012-10-17.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Variables {
    Read,
    Text,
}

/// A variable that is not closed, has no name, or a default that is not quoted.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct InvalidVariable;

impl Pattern {
    pub fn compile(text: &str, syntax: Syntax) -> Result<Self, InvalidVariable> {
        let mut pattern = Self::default();
        let mut rest = text;
        while let Some(character) = rest.chars().next() {
            if syntax.variables == Variables::Read && rest.starts_with("${") {
                rest = pattern.push_variable(&rest[2..])?;
                continue;
            }
            match character {
                '*' if syntax.wildcards == Wildcards::Read => pattern.push_any(),
                '?' if syntax.wildcards == Wildcards::Read => pattern.push_one(),
                _ => pattern.push_text(character),
            }
            rest = &rest[character.len_utf8()..];
        }
        Ok(pattern)
    }

    /// A pattern that everything matches.
    pub fn any() -> Self {
        Self { pieces: vec![Piece::Any] }
    }

    /// Takes the variable that `rest` begins with, after its `${`; returns what follows it.
    fn push_variable<'a>(&mut self, rest: &'a str) -> Result<&'a str, InvalidVariable> {
        let end = end_of_variable(rest).ok_or(InvalidVariable)?;
        match &rest[..end] {
            "*" => self.push_text('*'),
            "?" => self.push_text('?'),
            "$" => self.push_text('$'),
            name => self.pieces.push(Piece::Variable(Variable::parse(name)?)),
        }
        Ok(&rest[end + 1..])
    }

    fn push_text(&mut self, character: char) {
        match self.pieces.last_mut() {
            Some(Piece::Text(text)) => text.push(character),
            _ => self.pieces.push(Piece::Text(character.to_string())),
        }
    }

    fn push_one(&mut self) {
        let end = self.pieces.len() - usize::from(self.pieces.last() == Some(&Piece::Any));
        match self.pieces[..end].last_mut() {
            Some(Piece::Some(number)) => *number += 1,
            _ => self.pieces.insert(end, Piece::Some(1)),
        }
    }

    fn push_any(&mut self) {
        if self.pieces.last() != Some(&Piece::Any) {
            self.pieces.push(Piece::Any);
        }
    }

    /// Whether a variable stands for `key`, which is in lower case.
    pub fn mentions(&self, key: &str) -> bool {
        self.pieces.iter().any(|piece| matches!(piece, Piece::Variable(it) if it.key == key))
    }

    /// Splits the pattern at its first `:`s into `most` patterns at most, as the parts of an ARN.
    /// A `:` inside a variable is no separator.
    pub fn split_at_colons(self, most: usize) -> Vec<Self> {
        let mut parts = vec![Self::default()];
        for piece in self.pieces {
            let Piece::Text(text) = &piece else {
                last(&mut parts).pieces.push(piece);
                continue;
            };
            for character in text.chars() {
                match character {
                    ':' if parts.len() < most => parts.push(Self::default()),
                    _ => last(&mut parts).push_text(character),
                }
            }
        }
        parts
    }

    /// Whether the whole of `text` matches. Nothing matches a variable without a value.
    ///
    /// Only the last `*` is ever tried again: the work is linear for patterns without `?`, and at
    /// most the product of both lengths with them.
    pub fn matches(&self, text: &str, context: &Context) -> bool {
        let (mut piece, mut at) = (0, 0);
        let mut retry: Option<(usize, usize)> = None;
        loop {
            let taken = match self.pieces.get(piece) {
                None => (at == text.len()).then_some(0),
                Some(Piece::Any) => {
                    retry = Some((piece + 1, at));
                    Some(0)
                }
                Some(Piece::Some(number)) => length_of_characters(&text[at..], *number),
                Some(Piece::Text(wanted)) => length_of_prefix(&text[at..], wanted),
                Some(Piece::Variable(variable)) => match variable.value(context) {
                    Some(wanted) => length_of_prefix(&text[at..], wanted),
                    None => return false,
                },
            };
            match taken {
                Some(_) if piece == self.pieces.len() => return true,
                Some(length) => {
                    at += length;
                    piece += 1;
                }
                None => {
                    let Some((after, from)) = retry else { return false };
                    let Some(from) = self.next_start(after, text, from) else { return false };
                    retry = Some((after, from));
                    (piece, at) = (after, from);
                }
            }
        }
    }

    /// Where the piece `after` a `*` may match next in `text`, if it didn't at `from`.
    fn next_start(&self, after: usize, text: &str, from: usize) -> Option<usize> {
        let from = from + text[from..].chars().next()?.len_utf8();
        match self.pieces.get(after) {
            Some(Piece::Text(wanted)) => Some(from + text[from..].find(wanted.as_str())?),
            None => Some(text.len()),
            _ => Some(from),
        }
    }

    /// Returns the text that the pattern stands for; `None` if a variable has no value, or there
    /// are wildcards.
    pub fn resolve(&self, context: &Context) -> Option<String> {
        let mut text = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(part) => text.push_str(part),
                Piece::Any | Piece::Some(_) => return None,
                Piece::Variable(variable) => text.push_str(variable.value(context)?),
            }
        }
        Some(text)
    }
}

/// Where the `}` of a variable is: a quoted default may hold one.
fn end_of_variable(rest: &str) -> Option<usize> {
    let close = rest.find('}')?;
    match rest.find('\'') {
        Some(open) if open < close => {
            let quoted = open + 1;
            let after = quoted + rest[quoted..].find('\'')? + 1;
            Some(after + rest[after..].find('}')?)
        }
        _ => Some(close),
    }
}

fn last(parts: &mut [Pattern]) -> &mut Pattern {
    let index = parts.len() - 1;
    &mut parts[index]
}

fn length_of_characters(text: &str, number: usize) -> Option<usize> {
    match text.char_indices().nth(number) {
        Some((length, _)) => Some(length),
        None => (text.chars().count() == number).then_some(text.len()),
    }
}

fn length_of_prefix(text: &str, prefix: &str) -> Option<usize> {
    text.starts_with(prefix).then_some(prefix.len())
}

impl Variable {
    fn parse(text: &str) -> Result<Self, InvalidVariable> {
        let (key, default) = match text.split_once(',') {
            None => (text, None),
            Some((key, default)) => {
                let quoted = default.trim().strip_prefix('\'').and_then(|d| d.strip_suffix('\''));
                (key, Some(quoted.ok_or(InvalidVariable)?.to_owned()))
            }
        };
        let key = key.trim();
        if key.is_empty() || key.contains(['$', '{', '\'']) {
            return Err(InvalidVariable);
        }
        Ok(Self { key: key.to_lowercase(), default })
    }

    /// A key with several values has none that could stand in a string.
    fn value<'a>(&'a self, context: &'a Context) -> Option<&'a str> {
        match context.values(&self.key) {
            [] => self.default.as_deref(),
            [value] => Some(value),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALL: Syntax = Syntax { wildcards: Wildcards::Read, variables: Variables::Read };

    #[track_caller]
    fn check(pattern: &str, text: &str, matches: bool) {
        let compiled = Pattern::compile(pattern, ALL).unwrap();
        let mut context = Context::default();
        context.set("aws:username", "kim").set("berth:star", "*").set_list("a:many", ["x", "y"]);
        assert_eq!(compiled.matches(text, &context), matches, "{pattern} against {text}");
    }

    #[test]
    fn whole_texts_match() {
        for (pattern, text, matches) in [
            ("", "", true),
            ("", "a", false),
            ("a", "", false),
            ("abc", "abc", true),
            ("abc", "abcd", false),
            ("*", "", true),
            ("**", "anything", true),
            ("a*c", "ac", true),
            ("a*c", "abcbc", true),
            ("a*c", "acb", false),
            ("*ab*ab*", "abab", true),
            ("*ab*ab*", "aba", false),
            ("?", "", false),
            ("?", "é", true),
            ("?", "éé", false),
            ("*?", "é", true),
            ("*?b", "ééb", true),
            ("a?*", "a", false),
            ("*a?b*", "xaxab-axb", true),
        ] {
            check(pattern, text, matches);
        }
    }

    #[test]
    fn variables_stand_for_their_values() {
        for (pattern, text, matches) in [
            ("home/${aws:username}/*", "home/kim/file", true),
            ("home/${AWS:UserName}/*", "home/kim/file", true),
            ("home/${aws:username}/*", "home/lee/file", false),
            ("home/${aws:userid}/*", "home//file", false),
            ("*${aws:userid}*", "anything", false),
            ("${aws:userid, 'nobody'}", "nobody", true),
            ("${aws:userid,'a}b, c'}", "a}b, c", true),
            ("${aws:username, 'nobody'}", "kim", true),
            ("${a:many}", "x", false),
            ("${a:many, 'z'}", "z", false),
            // A value is never read as a pattern.
            ("${berth:star}", "anything", false),
            ("${berth:star}", "*", true),
            ("${*}", "*", true),
            ("${*}", "a", false),
            ("${?}", "?", true),
            ("${?}", "a", false),
            ("${$}{aws:username}", "${aws:username}", true),
            ("$", "$", true),
            ("a$b{c}", "a$b{c}", true),
        ] {
            check(pattern, text, matches);
        }
    }

    #[test]
    fn old_versions_have_no_variables() {
        let old = Syntax { wildcards: Wildcards::Read, variables: Variables::Text };
        let pattern = Pattern::compile("${aws:username}", old).unwrap();
        assert!(pattern.matches("${aws:username}", &Context::default()));
    }

    #[test]
    fn strings_without_wildcards_stand_for_themselves() {
        let exact = Syntax { wildcards: Wildcards::Text, variables: Variables::Read };
        let pattern = Pattern::compile("a*?", exact).unwrap();
        assert!(pattern.matches("a*?", &Context::default()));
        assert!(!pattern.matches("abc", &Context::default()));
    }

    #[test]
    fn invalid_variables_are_refused() {
        for text in
            ["${", "${aws:username", "${}", "${ }", "${a,b}", "${a, 'b}", "${a${b}", "${,'x'}"]
        {
            assert_eq!(Pattern::compile(text, ALL), Err(InvalidVariable), "{text}");
        }
    }

    #[test]
    fn long_patterns_take_no_long_time() {
        let pattern = Pattern::compile(&"*a?".repeat(3_000), ALL).unwrap();
        assert!(!pattern.matches(&"a".repeat(4_000), &Context::default()));
        let pattern = Pattern::compile(&format!("*{}b", "?".repeat(5_000)), ALL).unwrap();
        assert!(!pattern.matches(&"a".repeat(100_000), &Context::default()));
        let pattern = Pattern::compile(&"*a".repeat(5_000), ALL).unwrap();
        assert!(!pattern.matches(&format!("{}b", "a".repeat(10_000)), &Context::default()));
    }

    /// Whether a text matches, slowly and simply.
    fn slowly(pattern: &[char], text: &[char]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some(('*', rest)) => (0..=text.len()).any(|skipped| slowly(rest, &text[skipped..])),
            Some((one, rest)) => {
                text.first().is_some_and(|found| *one == '?' || one == found)
                    && slowly(rest, &text[1..])
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(4096) })]

        #[test]
        fn the_matcher_equals_the_slow_one(pattern in "[abé*?]{0,10}", text in "[abé]{0,12}") {
            let compiled = Pattern::compile(&pattern, ALL).unwrap();
            let characters = |text: &str| text.chars().collect::<Vec<_>>();
            prop_assert_eq!(
                compiled.matches(&text, &Context::default()),
                slowly(&characters(&pattern), &characters(&text))
            );
        }

        #[test]
        fn compiling_never_panics(text in ".{0,40}|[${}',*?a ]{0,20}") {
            if let Ok(pattern) = Pattern::compile(&text, ALL) {
                let _ = pattern.matches(&text, &Context::default());
                let _ = pattern.split_at_colons(6);
            }
        }
    }
}
