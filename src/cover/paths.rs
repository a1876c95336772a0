//! Paths of source files: which of them count, and how they are called.

use std::borrow::Cow;

use super::names::Names;

/// The source files that were met.
#[derive(Debug, Default)]
pub(super) struct Paths {
    /// Globs of files that do not count.
    pub(super) exclude: Vec<Vec<u8>>,
    /// What paths are shortened by.
    pub(super) strip: Vec<Vec<u8>>,
    names: Names,
    /// By number: the path as it was first met, and the Go package, where the path does not say it.
    details: Vec<(Vec<u8>, Vec<u8>)>,
    /// The path that came last and its number: whole runs of records are of one file.
    last: Option<(Vec<u8>, Option<u32>)>,
}

impl Paths {
    /// The number of the file that an input calls `path`; `None` if it does not count.
    pub(super) fn file(&mut self, path: &[u8]) -> Option<u32> {
        if let Some((last, number)) = &self.last
            && last == path
        {
            return *number;
        }
        let short = self.shortened(path);
        let excluded = |glob: &Vec<u8>| matches(glob, path) || matches(glob, short);
        let number = if self.exclude.iter().any(excluded) {
            None
        } else {
            let number = self.names.number(short);
            if self.details.len() == number as usize {
                self.details.push((path.to_vec(), Vec::new()));
            }
            Some(number)
        };
        self.last = Some((path.to_vec(), number));
        number
    }

    /// Notes the import path of a file's package.
    pub(super) fn set_package(&mut self, file: u32, package: &[u8]) {
        let (_, known) = &mut self.details[file as usize];
        if known.is_empty() {
            known.extend_from_slice(package);
        }
    }

    pub(super) fn path(&self, file: u32) -> &[u8] {
        self.names.text(file)
    }

    /// The path as an input called it.
    pub(super) fn original(&self, file: u32) -> &[u8] {
        &self.details[file as usize].0
    }

    pub(super) fn shown(&self, file: u32) -> Cow<'_, str> {
        String::from_utf8_lossy(self.path(file))
    }

    /// What Go sorts by: the import path of the package, then the file.
    pub(super) fn go_order(&self, file: u32) -> (&[u8], &[u8]) {
        let path = self.path(file);
        let (_, package) = &self.details[file as usize];
        if !package.is_empty() {
            return (package, path);
        }
        let slash = path.iter().rposition(|&byte| byte == b'/');
        (&path[..slash.unwrap_or(0)], path)
    }

    fn shortened<'a>(&self, path: &'a [u8]) -> &'a [u8] {
        for prefix in &self.strip {
            if let Some(rest) = path.strip_prefix(&prefix[..]) {
                let whole = prefix.ends_with(b"/");
                let rest = match rest.strip_prefix(b"/") {
                    Some(rest) => rest,
                    None if whole => rest,
                    None => continue,
                };
                if !rest.is_empty() {
                    return rest;
                }
            }
        }
        path
    }
}

/// Whether a glob means this path: `?` is any byte but a slash, `*` any of them, `**` anything, and
/// `**/` also nothing.
fn matches(glob: &[u8], path: &[u8]) -> bool {
    // The ends of the globs' beginnings that match the path so far: no pattern takes long that way.
    let mut open = vec![false; glob.len() + 1];
    open[0] = true;
    follow(glob, &mut open, true);
    for &byte in path {
        let mut next = vec![false; glob.len() + 1];
        for at in 0..glob.len() {
            if !open[at] {
                continue;
            }
            match glob[at] {
                b'*' => next[at] |= byte != b'/' || in_double(glob, at),
                b'?' => next[at + 1] |= byte != b'/',
                wanted => next[at + 1] |= wanted == byte,
            }
        }
        follow(glob, &mut next, byte == b'/');
        open = next;
    }
    open[glob.len()]
}

fn in_double(glob: &[u8], at: usize) -> bool {
    glob.get(at + 1) == Some(&b'*') || (at > 0 && glob[at - 1] == b'*')
}

/// A star may be over before it has begun; `folder` says whether a name begins here.
fn follow(glob: &[u8], open: &mut [bool], folder: bool) {
    for at in 0..glob.len() {
        if open[at] && glob[at] == b'*' {
            open[at + 1] = true;
            let starts = at == 0 || glob[at - 1] == b'/';
            if starts && folder && glob[at..].starts_with(b"**/") {
                open[at + 3] = true;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs() {
        for (glob, path, expected) in [
            ("", "", true),
            ("a", "a", true),
            ("a", "ab", false),
            ("*", "ab", true),
            ("*", "a/b", false),
            ("*.go", "a/b.go", false),
            ("a/*", "a/b.go", true),
            ("a/*", "a/b/c.go", false),
            ("a/**", "a/b/c.go", true),
            ("a/**", "ab", false),
            ("**/b.go", "b.go", true),
            ("**/b.go", "x/y/b.go", true),
            ("**/b.go", "x/ab.go", false),
            ("a/**/b", "a/b", true),
            ("a/**/b", "a/x/y/b", true),
            ("a**b", "a/x/b", true),
            ("a**/b", "ab", false),
            ("**", "/a/b", true),
            ("/**/test?.c", "/x/test1.c", true),
            ("/**/test?.c", "/x/test/.c", false),
            ("*a*b*", "xxaxxbxx", true),
            ("***", "a/b", true),
        ] {
            let found = matches(glob.as_bytes(), path.as_bytes());
            assert_eq!(found, expected, "{glob} {path}");
        }
        let started = std::time::Instant::now();
        assert!(!matches("*a".repeat(100).as_bytes(), &[b'b'; 2000]));
        assert!(started.elapsed().as_secs() < 5);
    }

    #[test]
    fn paths_are_shortened_by_whole_folders() {
        let paths = Paths {
            strip: vec![b"/home/u".to_vec(), b"x/".to_vec()],
            ..Paths::default()
        };
        for (path, short) in [
            ("/home/u/a.c", "a.c"),
            ("/home/user/a.c", "/home/user/a.c"),
            ("x/y.go", "y.go"),
            ("/home/u", "/home/u"),
            ("x/", "x/"),
        ] {
            assert_eq!(paths.shortened(path.as_bytes()), short.as_bytes());
        }
    }

    #[test]
    fn files_are_left_out_by_either_name() {
        let mut paths = Paths {
            strip: vec![b"x".to_vec()],
            exclude: vec![b"a.go".to_vec(), b"x/b.go".to_vec()],
            ..Paths::default()
        };
        let found = [&b"x/a.go"[..], b"x/b.go", b"x/c.go", b"c.go", b"x/a.go"];
        let found = found.map(|path| paths.file(path));
        assert_eq!(found, [None, None, Some(0), Some(0), None]);
        assert_eq!(paths.original(0), b"x/c.go");
        paths.set_package(0, b"p");
        assert_eq!(paths.go_order(0), (&b"p"[..], &b"c.go"[..]));
    }
}
