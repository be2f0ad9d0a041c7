//! The README's picture of a terminal: what the program prints with colour, as SVG.

use anstyle_svg::Term;

use super::common::{home, run_in};

/// What the picture shows: each command, and how many lines of what it prints.
const SESSION: [(&[&str], usize); 2] = [
    (&["simulate", "scenarios/chat-10k.yaml"], 17),
    (&["check", "scenarios/chat-10k.yaml", "--servers", "3", "--bandwidth", "80 MB/s", "--storage", "36 GB/hour"], 30),
];

/// The picture.
pub fn picture() -> String {
    let mut text = String::new();
    for (command, most) in SESSION {
        let shown: Vec<String> = command
            .iter()
            .map(|word| if word.contains(' ') { format!("\"{word}\"") } else { (*word).to_owned() })
            .collect();
        text += &["\u{1b}[1m$ plimsoll ", &shown.join(" "), "\u{1b}[0m\n"].concat();
        let printed = run_in(home(), [&["--color", "always"][..], command].concat()).stdout;
        assert!(printed.contains('\u{1b}'), "no colour: {printed}");
        let lines: Vec<&str> = printed.trim_end().lines().collect();
        text += &lines[..lines.len().min(most)].join("\n");
        text += if lines.len() > most { "\n…\n\n" } else { "\n" };
    }
    Term::new().render_svg(&text)
}
