//! The bytes of a block, and what is no row of one.

use super::super::{Encoder, Rows};
use super::*;

const LAYOUT: Layout = Layout {
    table: "things",
    columns: &[
        ("segment_id", "UInt64"),
        ("seq", "UInt32"),
        ("host", "LowCardinality(String)"),
        ("path", "String"),
        ("day", "Date"),
    ],
};

fn shared(host: &str, path: &str) -> Vec<u8> {
    let mut out = Encoder::part();
    out.string(host).string(path);
    out.finish()
}

fn batch(host: &str, path: &str, seqs: &[u32]) -> Rows {
    let mut rows = Rows::around(shared(host, path), seqs.len());
    for seq in seqs {
        rows.push(
            |out| {
                out.uint32(*seq);
            },
            |out| {
                out.date(9);
            },
        );
    }
    rows
}

fn block(batches: &[Rows]) -> Result<Vec<u8>, MalformedRow> {
    let mut columns = Columns::begin(&LAYOUT, 1).expect("every type is known");
    for row in batches.iter().flat_map(Rows::iter) {
        columns.take(5, row)?;
    }
    Ok(columns.finish().concat())
}

#[test]
fn a_block_names_each_column_and_each_word_once() {
    let batches = [batch("a", "/x", &[1, 2]), batch("", "/", &[3]), batch("a", "/y", &[4])];
    let mut expected = b"\x05\x04\x0asegment_id\x06UInt64".to_vec();
    (0..4).for_each(|_| expected.extend(5_u64.to_le_bytes()));
    expected.extend(b"\x03seq\x06UInt32\x01\0\0\0\x02\0\0\0\x03\0\0\0\x04\0\0\0");
    expected.extend(b"\x04host\x16LowCardinality(String)");
    expected.extend(b"\x01\0\0\0\0\0\0\0\x00\x06\0\0\0\0\0\0\x02\0\0\0\0\0\0\0\x00\x01a");
    expected.extend(b"\x04\0\0\0\0\0\0\0\x01\x01\x00\x01");
    expected.extend(b"\x04path\x06String\x02/x\x02/x\x01/\x02/y\x03day\x04Date");
    (0..4).for_each(|_| expected.extend(9_u16.to_le_bytes()));
    assert_eq!(block(&batches).unwrap(), expected);
}

#[test]
fn a_row_in_one_piece_is_the_same_row() {
    let pieces = batch("a", "/x", &[7]);
    let whole: Vec<Vec<u8>> = pieces.iter().map(|row| row.whole().into_owned()).collect();
    assert_eq!(block(&[whole.into()]), block(&[pieces]));
}

#[test]
fn a_block_in_pieces_is_the_same_bytes_in_their_order() {
    let seqs: Vec<u32> = (0..5_000).collect();
    let rows = batch("a", "/a/path", &seqs);
    let mut columns = Columns::begin(&LAYOUT, seqs.len()).unwrap();
    rows.iter().for_each(|row| columns.take(5, row).unwrap());
    let pieces = columns.finish();
    let mut expected = b"\x05\x88\x27\x0asegment_id\x06UInt64".to_vec();
    seqs.iter().for_each(|_| expected.extend(5_u64.to_le_bytes()));
    expected.extend(b"\x03seq\x06UInt32");
    seqs.iter().for_each(|seq| expected.extend(seq.to_le_bytes()));
    expected.extend(b"\x04host\x16LowCardinality(String)");
    expected.extend(b"\x01\0\0\0\0\0\0\0\x00\x06\0\0\0\0\0\0\x02\0\0\0\0\0\0\0\x00\x01a");
    expected.extend(b"\x88\x13\0\0\0\0\0\0");
    expected.extend([1; 5_000]);
    expected.extend(b"\x04path\x06String");
    seqs.iter().for_each(|_| expected.extend(b"\x07/a/path"));
    expected.extend(b"\x03day\x04Date");
    seqs.iter().for_each(|_| expected.extend(9_u16.to_le_bytes()));
    assert_eq!((pieces.len(), pieces.concat() == expected), (7, true));
}

#[test]
fn rows_in_pieces_and_whole_ones_keep_their_order() {
    let (one, other) = (batch("a", "/x", &[1, 2]), batch("b", "/y", &[3]));
    let whole = |rows: &Rows| rows.iter().map(|row| row.whole().into_owned()).collect::<Vec<_>>().into();
    let mixed = [one.clone(), whole(&other), one, other];
    let each_whole: Vec<Rows> = mixed.iter().map(whole).collect();
    assert_eq!(block(&mixed), block(&each_whole));
}

#[test]
fn rows_that_share_a_piece_at_different_columns_are_refused() {
    let shared = shared("a", "");
    let (host, _) = shared.split_at(2);
    let rows: [(&[u8], &[u8]); 2] =
        [(&[0; 12], b"\x02/x\x09\0"), (b"\0\0\0\0\0\0\0\0\0\0\0\0\x01b", b"\x09\0")];
    let mut columns = Columns::begin(&LAYOUT, 2).unwrap();
    let [first, second] = rows.map(|(head, tail)| columns.take(5, Row { head, shared: host, tail }));
    assert_eq!((first, second), (Ok(()), Err(MalformedRow)));
}

#[test]
fn places_take_as_many_bytes_as_the_words_need() {
    for (words, bytes) in [(255, 1), (256, 2), (65_535, 2)] {
        let texts: Vec<Vec<u8>> = (0..words).map(|word: u32| shared(&word.to_string(), "")).collect();
        let mut column = Column::begin("LowCardinality(String)", words as usize).unwrap();
        for text in &texts {
            let (word, _) = column.split(text).unwrap();
            let value = column.value(word);
            column.add(value, 1);
        }
        let mut out = Pieces::default();
        let keys: usize = texts.iter().map(|text| text.len() - 1).sum();
        column.write(&mut out);
        assert_eq!(
            out.finish().concat().len(),
            4 * 8 + 1 + keys + bytes * words as usize,
            "{words} words and the empty one"
        );
    }
}

#[test]
fn a_block_without_rows_is_names_and_types() {
    let mut expected = b"\x05\x00\x0asegment_id\x06UInt64\x03seq\x06UInt32".to_vec();
    expected.extend(b"\x04host\x16LowCardinality(String)\x04path\x06String\x03day\x04Date");
    assert_eq!(block(&[]).unwrap(), expected);
}

#[test]
fn what_is_no_row_of_the_table_is_refused_at_every_length_but_its_own() {
    let rows = batch("host", "/path", &[7]);
    let whole = rows.iter().next().unwrap().whole().into_owned();
    assert!(block(std::slice::from_ref(&rows)).is_ok());
    for length in 0..whole.len() {
        assert_eq!(block(&[vec![whole[..length].to_vec()].into()]), Err(MalformedRow), "{length}");
    }
    assert_eq!(block(&[vec![[&whole[..], &[0]].concat()].into()]), Err(MalformedRow));
    // The text's length goes over the end of its piece, though not of the row.
    let mut torn = Rows::around(vec![1, b'a', 3, b'x'], 1);
    torn.push(
        |out| {
            out.uint32(7);
        },
        |out| {
            out.date(9);
        },
    );
    assert_eq!(block(&[torn]), Err(MalformedRow));
    assert_eq!(block(&[vec![vec![0xff; 64]].into()]), Err(MalformedRow), "a length without end");
}

#[test]
fn events_are_written_as_columns() {
    assert!(Columns::begin(&crate::pipeline::EVENTS, 0).is_some());
    assert!(Columns::begin(&crate::ledger::CONSENTS, 0).is_none(), "lists are not");
}
