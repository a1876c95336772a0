//! Damaged inputs of every format: each is an error or a valid result, and never takes long.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::data::Coverage;
use super::fuzzing::use_all;
use super::{gocounters, godir, gometa, gosource, gotext, lcov};
use crate::testing::TempDir;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/cover/fixtures")
        .join(name)
}

/// The one file of a fixture directory whose name starts so, the largest of them.
fn file_of(directory: &str, start: &str) -> (String, Vec<u8>) {
    let files = super::list(&fixture(directory)).unwrap().into_iter();
    let files = files.filter(|path| super::base(path).starts_with(start));
    let largest = files
        .max_by_key(|path| fs::metadata(path).unwrap().len())
        .unwrap();
    (
        super::base(&largest).into_owned(),
        fs::read(&largest).unwrap(),
    )
}

/// Every beginning of `good`, and `good` with every byte changed in several ways and with some thousand
/// larger damages.
fn damages(good: &[u8], mut try_out: impl FnMut(&[u8])) {
    let started = Instant::now();
    for end in 0..good.len() {
        try_out(&good[..end]);
    }
    let mut state = 1u64;
    let mut random = move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 33) as usize
    };
    for at in 0..good.len() {
        for change in [1, 0x10, 0x80, 0xFF] {
            let mut bad = good.to_vec();
            bad[at] ^= change;
            try_out(&bad);
        }
    }
    for _ in 0..3000 {
        let mut bad = good.to_vec();
        for _ in 0..1 + random() % 8 {
            let at = random() % bad.len();
            match random() % 3 {
                0 => bad[at] = random() as u8,
                1 => bad.insert(at, [0, 9, 0xFF, b','][random() % 4]),
                _ => drop(bad.remove(at)),
            }
        }
        try_out(&bad);
    }
    assert!(started.elapsed() < Duration::from_secs(60));
}

#[test]
fn text_profiles() {
    let mut errors = 0;
    damages(&fs::read(fixture("one.textfmt")).unwrap(), |text| {
        let mut coverage = Coverage::default();
        match gotext::read(&mut coverage, "p", text) {
            Ok(()) => use_all(coverage),
            Err(why) => {
                errors += 1;
                assert!(why.starts_with("p:"), "{why}");
            }
        }
    });
    assert!(errors > 1000, "{errors}");
}

#[test]
fn tracefiles() {
    let mut errors = 0;
    damages(&fs::read(fixture("merged.info")).unwrap(), |text| {
        let mut coverage = Coverage::default();
        match lcov::read(&mut coverage, "p", text) {
            Ok(()) => use_all(coverage),
            Err(why) => {
                errors += 1;
                assert!(why.starts_with("p:"), "{why}");
            }
        }
    });
    assert!(errors > 1000, "{errors}");
}

#[test]
fn meta_data() {
    let (_, good) = file_of("one", "covmeta.");
    let mut errors = 0;
    damages(&good, |data| match gometa::parse(data) {
        Ok(meta) => {
            assert!(meta.blocks.len() <= good.len());
            for function in meta.packages.iter().flat_map(|package| &package.functions) {
                assert!(function.first + function.blocks <= meta.blocks.len());
            }
        }
        Err((at, what)) => {
            errors += 1;
            assert!(at <= data.len() && !what.is_empty());
        }
    });
    assert!(errors > 1000, "{errors}");
    for end in 0..good.len() {
        assert!(gometa::parse(&good[..end]).is_err(), "cut off at {end}");
    }
}

#[test]
fn counters() {
    let (_, meta) = file_of("one", "covmeta.");
    let meta = gometa::parse(&meta).unwrap();
    let (_, good) = file_of("one", "covcounters.");
    let mut errors = 0;
    damages(&good, |data| {
        let mut counts = vec![0; meta.blocks.len()];
        if let Err((at, what)) = gocounters::add(data, &meta, &mut counts) {
            errors += 1;
            assert!(at <= data.len() && !what.is_empty());
        }
    });
    assert!(errors > 1000, "{errors}");
    for end in 0..good.len() {
        let mut counts = vec![0; meta.blocks.len()];
        let read = gocounters::add(&good[..end], &meta, &mut counts);
        assert!(read.is_err(), "cut off at {end}");
    }
}

#[test]
fn whole_directories() {
    let directory = TempDir::new();
    let path = directory.path().join("d");
    fs::create_dir(&path).unwrap();
    let (counters_name, counters) = file_of("one", "covcounters.");
    let (meta_name, meta) = file_of("one", "covmeta.");
    fs::write(path.join(counters_name), counters).unwrap();
    let mut results = [0, 0];
    for at in 0..meta.len() {
        let mut bad = meta.clone();
        bad[at] ^= 0x21;
        fs::write(path.join(&meta_name), bad).unwrap();
        let mut coverage = Coverage::default();
        match godir::read(&mut coverage, &[(path.clone(), false)]) {
            Ok(_) => {
                results[0] += 1;
                use_all(coverage);
            }
            Err(why) => {
                results[1] += 1;
                assert!(
                    why.contains("offset ") || why.contains("statements, but"),
                    "{why}"
                );
            }
        }
    }
    assert!(results[0] > 50 && results[1] > 50, "{results:?}");
}

#[test]
fn sources() {
    damages(&fs::read(fixture("relay/main.go")).unwrap(), |source| {
        let _ = gosource::functions(source);
    });
}

/// What no Go program has written so far, and covdata reads all the same: raw numbers of either byte
/// order, and more than one segment, of which it takes only the first.
#[test]
fn counters_of_other_flavours() {
    let (_, meta) = file_of("one", "covmeta.");
    let meta = gometa::parse(&meta).unwrap();
    let blocks = meta.packages[0].functions[0].blocks as u32;
    for (flavour, big_endian) in [(1, 0), (1, 1), (2, 0)] {
        let number = |value: u32| match (flavour, big_endian) {
            (2, _) => vec![value as u8],
            (_, 0) => value.to_le_bytes().to_vec(),
            _ => value.to_be_bytes().to_vec(),
        };
        let mut data = b"\0cwm\x01\0\0\0".to_vec();
        data.extend_from_slice(meta.hash);
        data.extend_from_slice(&[flavour, big_endian, 0, 0, 0, 0, 0, 0]);
        for segment in 1..=2u8 {
            data.extend_from_slice(&[1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0]);
            for value in [blocks, 0, 0] {
                data.extend(number(value));
            }
            for value in 0..blocks {
                data.extend(number(value + 1));
            }
            data.extend_from_slice(b"\0cwm\0\0\0\0");
            data.extend_from_slice(&[segment, 0, 0, 0, 0, 0, 0, 0]);
        }
        let mut counts = vec![0; meta.blocks.len()];
        gocounters::add(&data, &meta, &mut counts).unwrap();
        for (at, &count) in counts.iter().enumerate() {
            let expected = if at < blocks as usize {
                2 * (at as u64 + 1)
            } else {
                0
            };
            assert_eq!(count, expected, "{flavour} {big_endian} {at}");
        }
    }
}
