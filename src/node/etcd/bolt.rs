//! The file etcd keeps everything in, as far as its first pages tell whether all of it is there.
//!
//! Source: `go.etcd.io/bbolt`, `internal/common/{page,meta}.go`. Numbers have the byte order of the machine that
//! wrote them, which is this one.

/// So many first bytes hold both heads, whatever the size of a page.
pub const HEAD: usize = 2 * LARGEST_PAGE;

/// What every bolt database has at its beginning.
pub(super) const MAGIC: u32 = 0xED0C_DAED;

/// The only version of the format.
const VERSION: u32 = 2;

const LARGEST_PAGE: usize = 64 << 10;

/// Bytes before the content of a page.
const PAGE_HEADER: usize = 16;

/// Bytes of a head, its own checksum not counted.
const SUMMED: usize = 56;

/// Size in bytes of the database that begins so; `Err` says what is wrong with its heads.
pub fn size(beginning: &[u8]) -> Result<u64, String> {
    let first = Meta::read(beginning, 0).map_err(|why| format!("its first page {why}"))?;
    let second =
        Meta::read(beginning, first.page_size).map_err(|why| format!("its second page {why}"))?;
    // A snapshot has the same head twice.
    if (first.page_size, first.pages) != (second.page_size, second.pages) {
        return Err("its two heads differ".to_owned());
    }
    let size = u64::try_from(first.page_size).ok().and_then(|page| page.checked_mul(first.pages));
    size.ok_or_else(|| format!("it claims to have {} pages", first.pages))
}

struct Meta {
    page_size: usize,
    pages: u64,
}

impl Meta {
    fn read(bytes: &[u8], at: usize) -> Result<Self, &'static str> {
        let begin = at + PAGE_HEADER;
        let meta = bytes.get(begin..begin + SUMMED + 8).ok_or("is missing")?;
        if u32_at(meta, 0) != MAGIC {
            return Err("is not that of a bolt database");
        }
        if u32_at(meta, 4) != VERSION {
            return Err("is of another version of bolt");
        }
        if u64_at(meta, SUMMED) != checksum(meta.get(..SUMMED).unwrap_or_default()) {
            return Err("does not agree with its checksum");
        }
        let page_size = usize::try_from(u32_at(meta, 8)).unwrap_or(usize::MAX);
        if !page_size.is_power_of_two() || !(512..=LARGEST_PAGE).contains(&page_size) {
            return Err("names an impossible size of pages");
        }
        Ok(Self { page_size, pages: u64_at(meta, 40) })
    }
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let found = bytes.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
    found.map_or(0, u32::from_ne_bytes)
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let found = bytes.get(at..at + 8).and_then(|bytes| bytes.try_into().ok());
    found.map_or(0, u64::from_ne_bytes)
}

/// FNV-1a.
fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |sum, byte| {
        (sum ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// A database of so many pages with nothing in it, for the simulated node and for tests.
pub fn empty(page_size: u32, pages: u64) -> Vec<u8> {
    let page = usize::try_from(page_size).unwrap_or(LARGEST_PAGE);
    let mut bytes = vec![0; page * usize::try_from(pages).unwrap_or(4)];
    for at in [0, page] {
        let mut meta = Vec::with_capacity(SUMMED + 8);
        for word in [MAGIC, VERSION, page_size, 0] {
            meta.extend(word.to_ne_bytes());
        }
        // Root bucket, its sequence, free list, pages, transaction.
        for word in [3, 0, 2, pages, 1] {
            meta.extend(u64::to_ne_bytes(word));
        }
        meta.extend(checksum(&meta).to_ne_bytes());
        let place = bytes.iter_mut().skip(at + PAGE_HEADER);
        place.zip(meta).for_each(|(byte, value)| *byte = value);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_heads_tell_the_size() {
        for (page, pages) in [(4096, 5), (16_384, 4), (65_536, 6)] {
            let database = empty(page, pages);
            let head = &database[..HEAD.min(database.len())];
            assert_eq!(size(head), Ok(database.len() as u64));
        }
        // Anchored in the format itself: FNV-1a of nothing and of one letter.
        assert_eq!(checksum(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(checksum(b"a"), 0xaf63_dc4c_8601_ec8c);
    }

    #[test]
    fn every_damaged_byte_of_a_head_is_found() {
        let database = empty(4096, 5);
        for at in (16..16 + 64).chain(4096 + 16..4096 + 16 + 64) {
            let mut damaged = database.clone();
            damaged[at] ^= 1;
            assert!(size(&damaged).is_err(), "{at}");
        }
        assert!(size(&database[..4096]).unwrap_err().contains("second page is missing"));
        assert!(size(b"not a database").is_err());
    }
}
