//! What documents show: blocks of shell commands, the program's calls in them, and the output beside them.
#![allow(dead_code, reason = "each test file uses a part of it")]

/// A fenced block of a document.
#[derive(Debug)]
pub struct Block {
    /// What stands after the fence: `sh`, `text`, `yaml`, …
    pub kind: String,
    /// Its lines.
    pub lines: Vec<String>,
}

/// The fenced blocks of a document, in order. Lines of a shell that go on in the next are one.
pub fn blocks(markdown: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut inside = false;
    for line in markdown.lines() {
        if let Some(kind) = line.trim_start().strip_prefix("```") {
            inside = !inside;
            if inside {
                blocks.push(Block { kind: kind.trim().to_owned(), lines: Vec::new() });
            }
        } else if let Some(block) = blocks.last_mut().filter(|_| inside) {
            match block.lines.last_mut().filter(|_| block.kind.starts_with("sh")) {
                Some(last) if last.ends_with('\\') => {
                    last.pop();
                    last.push_str(line.trim());
                }
                _ => block.lines.push(line.trim_end().to_owned()),
            }
        }
    }
    blocks
}

/// The arguments of each call of the program in the blocks of shell commands.
pub fn commands(markdown: &str) -> Vec<Vec<String>> {
    let blocks = blocks(markdown).into_iter().filter(|block| block.kind == "sh");
    blocks.flat_map(|block| block.lines).flat_map(|line| calls(line.trim().trim_start_matches("$ "))).collect()
}

/// The arguments of each call of the program in a line. What it is piped into, and where to, is left out.
pub fn calls(line: &str) -> Vec<Vec<String>> {
    let mut calls = Vec::new();
    for words in words(line) {
        let text: Vec<&str> = words.iter().map(String::as_str).collect();
        let start = text.iter().position(|word| !word.contains('=')).unwrap_or(text.len());
        match &text[start..] {
            ["plimsoll" | "./plimsoll" | "target/release/plimsoll" | "./target/release/plimsoll", ..] => {
                calls.push(words[start + 1..].to_vec());
            }
            ["cargo", "run", rest @ ..] => {
                let own = rest.iter().position(|word| *word == "--").unwrap_or_else(|| panic!("no `--`: {line}"));
                calls.push(words[start + 3 + own..].to_vec());
            }
            _ => {}
        }
    }
    calls
}

/// A line's words as a shell has them, command by command, without redirections and comments.
fn words(line: &str) -> Vec<Vec<String>> {
    let mut commands = vec![Vec::new()];
    let mut word: Option<String> = None;
    let mut to_file = false;
    let mut rest = line.chars();
    loop {
        let next = rest.next();
        match next {
            Some(quote @ ('\'' | '"')) => {
                let quoted: String = rest.by_ref().take_while(|c| *c != quote).collect();
                word.get_or_insert_default().push_str(&quoted);
            }
            Some('#') if word.is_none() => rest = "".chars(),
            Some(c) if !c.is_whitespace() && !matches!(c, '|' | '&' | ';' | '>') => {
                word.get_or_insert_default().push(c);
            }
            end => {
                if let Some(word) = word.take().filter(|_| !std::mem::take(&mut to_file))
                    && let Some(command) = commands.last_mut()
                {
                    command.push(word);
                }
                match end {
                    Some('|' | '&' | ';') => commands.push(Vec::new()),
                    Some('>') => to_file = true,
                    Some(_) => {}
                    None => return commands,
                }
            }
        }
    }
}
