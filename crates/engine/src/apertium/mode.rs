//! A mode file of Apertium: one line of shell that joins programs by pipes.
//!
//! It is read without a shell, and only the few things are understood that
//! such a line has; whatever else stands in one is a reason to leave it alone.
//! Knows nothing of languages and starts no process.
//!
//! Start reading at [`ModeFile::read`].

use std::fs;
use std::path::{Path, PathBuf};

/// The programs that answer block by block, and the package of Debian that has each.
const PROGRAMS: &[(&str, &str)] = &[
    ("lt-proc", "lttoolbox"),
    ("apertium-tagger", "apertium"),
    ("apertium-pretransfer", "apertium"),
    ("apertium-posttransfer", "apertium"),
    ("apertium-transfer", "apertium"),
    ("apertium-interchunk", "apertium"),
    ("apertium-postchunk", "apertium"),
    ("lrx-proc", "apertium-lex-tools"),
    ("cg-proc", "cg3"),
    ("lsx-proc", "apertium-separable"),
    ("rtx-proc", "apertium-recursive"),
    ("apertium-anaphora", "apertium-anaphora"),
];

/// Modes whose tagger crashes with the model they were packaged with. Without
/// it the first reading is taken that the constraint grammar leaves.
const WITHOUT_TAGGER: &[&str] = &["rus-ukr", "ukr-rus"];

/// Modes with a stage that never passes the end of a block on.
const NEVER_ANSWERING: &[&str] = &["hbs-mkd"];

/// What is asked of a data file's folder to name the package it is from.
const PACKAGE_PREFIX: &str = "apertium-";

/// A pipeline that can be started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mode {
    pub(super) stages: Vec<Stage>,
}

/// One program of a pipeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stage {
    pub(super) program: PathBuf,
    pub(super) arguments: Vec<String>,
}

/// What a mode file says, be it usable or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ModeFile {
    /// The package its data files are from, such as `apertium-eng-spa`, if
    /// they say, else the file's own path.
    pub(super) origin: String,
    /// The size of its data files.
    pub(super) size_bytes: u64,
    /// The pipeline, or why there is none and what to do about it.
    pub(super) mode: Result<Mode, String>,
}

impl ModeFile {
    /// Reads the file at `path` of the mode called `name`, and looks for what
    /// it needs: its data files, and its programs in the folders `programs`.
    pub(super) fn read(path: &Path, name: &str, programs: &[PathBuf]) -> Self {
        let parsed = fs::read_to_string(path)
            .map_err(|err| format!("its file cannot be read: {err}"))
            .and_then(|line| parse(&line));
        let commands = match parsed {
            Ok(commands) => commands,
            Err(problem) => {
                let origin = path.display().to_string();
                return Self { origin, size_bytes: 0, mode: Err(problem) };
            }
        };
        let data: Vec<&str> = commands
            .iter()
            .flat_map(|command| command[1..].iter().map(String::as_str))
            .filter(|argument| argument.starts_with('/'))
            .collect();
        let package = data.iter().find_map(|file| package_of(file));
        let origin = package.map_or_else(|| path.display().to_string(), str::to_owned);
        let mut size_bytes = 0;
        let mut missing = None;
        for file in data {
            match fs::metadata(file) {
                Ok(metadata) => size_bytes += metadata.len(),
                Err(_) => missing = missing.or(Some(file)),
            }
        }
        let mode = match missing {
            Some(file) => Err(missing_data(file)),
            None if NEVER_ANSWERING.contains(&name) => {
                Err("one of its programs never answers; there is no remedy but a newer package"
                    .to_owned())
            }
            None => stages(commands.clone(), WITHOUT_TAGGER.contains(&name), programs),
        };
        Self { origin, size_bytes, mode }
    }
}

fn missing_data(file: &str) -> String {
    match package_of(file) {
        Some(package) => {
            format!("its file {file} is missing; try: apt-get install --reinstall {package}")
        }
        None => format!("its file {file} is missing; install the package it is from again"),
    }
}

fn package_of(file: &str) -> Option<&str> {
    file.split('/').rev().skip(1).find(|folder| folder.starts_with(PACKAGE_PREFIX))
}

/// Turns the commands of a mode file into those of a pipeline that answers
/// block by block and marks nothing as unknown.
fn stages(
    commands: Vec<Vec<String>>,
    without_tagger: bool,
    programs: &[PathBuf],
) -> Result<Mode, String> {
    let mut stages = Vec::with_capacity(commands.len());
    for mut command in commands {
        let name = command.remove(0);
        if without_tagger && name == "apertium-tagger" {
            continue;
        }
        let Some((_, package)) = PROGRAMS.iter().find(|(known, _)| *known == name) else {
            return Err(format!("it uses the program {name}, which this server cannot drive"));
        };
        let program = programs.iter().map(|folder| folder.join(&name)).find(|path| path.is_file());
        let Some(program) = program else {
            return Err(format!("the program {name} is missing; try: apt-get install {package}"));
        };
        let mut arguments = vec!["-z".to_owned()];
        if without_tagger && name == "cg-proc" {
            arguments.extend(["-1".to_owned(), "-n".to_owned()]);
        }
        for argument in command {
            match (name.as_str(), argument.as_str()) {
                ("lt-proc", "$1" | "-g") => arguments.push("-n".to_owned()),
                (_, "$1") => return Err(format!("it gives the program {name} an unknown option")),
                (_, "$2") => (),
                _ => arguments.push(argument),
            }
        }
        stages.push(Stage { program, arguments });
    }
    Ok(Mode { stages })
}

/// Takes a line apart into commands, each a program and its arguments.
fn parse(line: &str) -> Result<Vec<Vec<String>>, String> {
    let not_understood = |character: char| {
        Err(format!("its file is not understood: it has {character:?} where none is expected"))
    };
    let mut commands = vec![Vec::new()];
    let mut word: Option<String> = None;
    let mut characters = line.trim().chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            ' ' | '\t' | '|' => {
                let command = commands.last_mut().expect("there is always one");
                command.extend(word.take());
                if character == '|' {
                    commands.push(Vec::new());
                }
            }
            '\'' | '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match characters.next() {
                        None => return not_understood(character),
                        Some(end) if end == character => break,
                        Some(special @ ('$' | '`' | '\\')) if character == '"' => {
                            return not_understood(special);
                        }
                        Some(quoted) => word.push(quoted),
                    }
                }
            }
            // Only what the `apertium` script replaces, and only as a whole word.
            '$' if word.is_none() => {
                let option = characters.next_if(|next| matches!(next, '1' | '2'));
                let ends = characters.peek().is_none_or(|next| " \t|".contains(*next));
                match option {
                    Some(digit) if ends => word = Some(format!("${digit}")),
                    _ => return not_understood('$'),
                }
            }
            'a'..='z'
            | 'A'..='Z'
            | '0'..='9'
            | '/'
            | '-'
            | '_'
            | '.'
            | '@'
            | '+'
            | ','
            | ':'
            | '='
            | '%' => word.get_or_insert_default().push(character),
            other if !other.is_ascii() => word.get_or_insert_default().push(other),
            other => return not_understood(other),
        }
    }
    commands.last_mut().expect("there is always one").extend(word);
    if commands.iter().any(Vec::is_empty) {
        return Err("its file is not understood: a program is missing between two pipes".into());
    }
    Ok(commands)
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    fn check(line: &str, expected: &[&[&str]]) {
        assert_eq!(parse(line).unwrap(), expected, "{line}");
    }

    fn check_refused(line: &str, expected: &str) {
        let problem = parse(line).unwrap_err();
        assert!(problem.contains(expected), "{line}: {problem}");
    }

    /// A folder with all programs and one data file, and a mode that says `line`.
    fn read(name: &str, line: &str) -> (TempDir, ModeFile) {
        let folder = TempDir::new().unwrap();
        for (program, _) in PROGRAMS {
            fs::write(folder.path().join(program), "").unwrap();
        }
        let package = folder.path().join("apertium-x-y");
        fs::create_dir(&package).unwrap();
        fs::write(package.join("data.bin"), "12345").unwrap();
        let path = folder.path().join("x-y.mode");
        let data = package.join("data.bin").display().to_string();
        fs::write(&path, line.replace("DATA", &data)).unwrap();
        let file = ModeFile::read(&path, name, &[folder.path().to_owned()]);
        (folder, file)
    }

    /// How the mode called `name` that says `line` is driven.
    fn check_driven(name: &str, line: &str, expected: &str) {
        let (_folder, file) = read(name, line);
        let shown = |stage: &Stage| {
            let program = stage.program.file_name().unwrap().to_str().unwrap();
            let last = |argument: &String| argument.rsplit('/').next().unwrap().to_owned();
            let arguments: Vec<String> = stage.arguments.iter().map(last).collect();
            format!("{program} {}", arguments.join(" "))
        };
        let stages: Vec<String> = file.mode.unwrap().stages.iter().map(shown).collect();
        assert_eq!(stages.join(" | "), expected);
        assert_eq!(file.origin, "apertium-x-y");
    }

    #[test]
    fn a_line_is_taken_apart() {
        check(
            "a -b '/c d'|e\t$2 \"f\" | g $1\n",
            &[&["a", "-b", "/c d"], &["e", "$2", "f"], &["g", "$1"]],
        );
        check("\n   a 'x|y'z  \n\n", &[&["a", "x|yz"]]);
        check("a ''", &[&["a", ""]]);
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for line in [
            "a > b", "a; b", "a `b`", "a $3", "a $HOME", "a $12", "a x$1", "a & b", "a \"$1\"",
            "a\nb", "a \\b", "a (b)", "a *", "a ~", "a 'b", "a {b}", "# a", "a <b", "a $(b)", "!a",
        ] {
            check_refused(line, "not understood: it has");
        }
        for line in ["", "a || b", "| a", "a |"] {
            check_refused(line, "between two pipes");
        }
    }

    #[test]
    fn stages_answer_block_by_block_and_mark_nothing() {
        check_driven(
            "x-y",
            "lt-proc 'DATA' | apertium-tagger -g $2 'DATA' | cg-proc -1 -n -g 'DATA' \
             | lt-proc $1 'DATA' | lt-proc -g 'DATA' | lt-proc -p 'DATA'",
            "lt-proc -z data.bin | apertium-tagger -z -g data.bin | cg-proc -z -1 -n -g data.bin \
             | lt-proc -z -n data.bin | lt-proc -z -n data.bin | lt-proc -z -p data.bin",
        );
    }

    #[test]
    fn a_tagger_that_crashes_is_gone_round() {
        check_driven(
            "rus-ukr",
            "cg-proc -w 'DATA' | apertium-tagger -g $2 'DATA' | lt-proc $1 'DATA'",
            "cg-proc -z -1 -n -w data.bin | lt-proc -z -n data.bin",
        );
    }

    #[test]
    fn problems_are_said_with_their_remedy() {
        let problem = |name: &str, line: &str| {
            let (_folder, file) = read(name, line);
            file.mode.unwrap_err()
        };
        assert!(problem("hbs-mkd", "lt-proc 'DATA'").contains("never answers"));
        assert!(problem("x-y", "lt-proc 'DATA' | sed DATA").contains("program sed"));
        assert!(problem("x-y", "cg-proc $1 'DATA'").contains("unknown option"));
        assert!(problem("x-y", "lt-proc /no/file").contains("/no/file is missing"));
        let reinstall = problem("x-y", "lt-proc /no/apertium-a-b/file");
        assert!(reinstall.ends_with("apt-get install --reinstall apertium-a-b"), "{reinstall}");

        let (folder, _) = read("x-y", "cg-proc 'DATA'");
        fs::remove_file(folder.path().join("cg-proc")).unwrap();
        let path = folder.path().join("x-y.mode");
        let file = ModeFile::read(&path, "x-y", &[folder.path().to_owned()]);
        assert!(file.mode.unwrap_err().ends_with("apt-get install cg3"));
        assert_eq!(file.size_bytes, 5);
        let unreadable = ModeFile::read(&folder.path().join("none"), "x-y", &[]);
        assert!(unreadable.mode.unwrap_err().contains("cannot be read"));
    }
}
