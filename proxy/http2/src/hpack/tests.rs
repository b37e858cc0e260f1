//! The examples of RFC 7541, Appendix C, and what is wrong in blocks.

use super::{huffman::tests::encode, *};

const BOUNDS: Bounds = Bounds { fields: 100, text: 10_000, table: 1 << 20 };

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

fn shown(block: &Block) -> String {
    let fields = block.fields.list();
    let one = |field: &crate::Field| {
        let mark = if field.sensitive { "!" } else { "" };
        format!("{}{mark}: {}", field.name.escape_ascii(), field.value.escape_ascii())
    };
    fields.iter().map(one).collect::<Vec<_>>().join(" | ")
}

/// Blocks one after the other, each with what it says and the size of the table behind it.
fn check(size: usize, blocks: &[(&str, &str, usize)]) {
    let mut decoder = Decoder::default();
    decoder.table.resize(size);
    for (block, fields, size) in blocks {
        let read = decoder.decode(&hex(block), 4096, BOUNDS).unwrap();
        assert_eq!((shown(&read).as_str(), decoder.table.size()), (*fields, *size), "{block}");
        // Written without a table, and read by a decoder that knows nothing, it says the same.
        let fields = read.fields.list();
        let again = write(fields.iter().map(|field| (&field.name[..], &field.value[..], field.sensitive)), None);
        let mut other = Decoder::default();
        assert_eq!(shown(&other.decode(&again, 4096, BOUNDS).unwrap()), shown(&read));
        assert_eq!(other.table.size(), 0);
    }
}

#[test]
fn integers_as_in_c_1() {
    for (bytes, prefix, number) in [(&[0x0a][..], 5, 10), (&[0x1f, 0x9a, 0x0a], 5, 1337), (&[0x2a], 8, 42)] {
        assert_eq!(integer(&mut &bytes[..], prefix), Ok(number));
    }
    for (bytes, error) in
        [(&[0x1f, 0xff][..], Reason::Truncated), (&[], Reason::Truncated), (&[0x1f, 0xff, 0xff, 0xff, 0xff, 0x01], Reason::Integer)]
    {
        assert_eq!(integer(&mut &bytes[..], 5), Err(error));
    }
}

#[test]
fn literals_as_in_c_2() {
    check(4096, &[("400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572", "custom-key: custom-header", 55)]);
    check(4096, &[("040c 2f73 616d 706c 652f 7061 7468", ":path: /sample/path", 0)]);
    check(4096, &[("1008 7061 7373 776f 7264 0673 6563 7265 74", "password!: secret", 0)]);
    check(4096, &[("82", ":method: GET", 0)]);
}

const REQUESTS: [&str; 3] = [
    ":method: GET | :scheme: http | :path: / | :authority: www.example.com",
    ":method: GET | :scheme: http | :path: / | :authority: www.example.com | cache-control: no-cache",
    ":method: GET | :scheme: https | :path: /index.html | :authority: www.example.com | custom-key: custom-value",
];

#[test]
fn requests_as_in_c_3() {
    check(
        4096,
        &[
            ("8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d", REQUESTS[0], 57),
            ("8286 84be 5808 6e6f 2d63 6163 6865", REQUESTS[1], 110),
            ("8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65", REQUESTS[2], 164),
        ],
    );
}

#[test]
fn coded_requests_as_in_c_4() {
    check(
        4096,
        &[
            ("8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff", REQUESTS[0], 57),
            ("8286 84be 5886 a8eb 1064 9cbf", REQUESTS[1], 110),
            ("8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf", REQUESTS[2], 164),
        ],
    );
}

const ANSWERS: [&str; 3] = [
    ":status: 302 | cache-control: private | date: Mon, 21 Oct 2013 20:13:21 GMT | location: https://www.example.com",
    ":status: 307 | cache-control: private | date: Mon, 21 Oct 2013 20:13:21 GMT | location: https://www.example.com",
    ":status: 200 | cache-control: private | date: Mon, 21 Oct 2013 20:13:22 GMT | location: https://www.example.com | \
     content-encoding: gzip | set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1",
];

#[test]
fn answers_as_in_c_5() {
    check(
        256,
        &[
            (
                "4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120 474d 546e \
                 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
                ANSWERS[0],
                222,
            ),
            ("4803 3330 37c1 c0bf", ANSWERS[1], 222),
            (
                "88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 7738 666f 6f3d \
                 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572 \
                 7369 6f6e 3d31",
                ANSWERS[2],
                215,
            ),
        ],
    );
}

#[test]
fn coded_answers_as_in_c_6() {
    check(
        256,
        &[
            (
                "4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b \
                 97c8 e9ae 82ae 43d3",
                ANSWERS[0],
                222,
            ),
            ("4883 640e ffc1 c0bf", ANSWERS[1], 222),
            (
                "88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335 dfdf \
                 cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07",
                ANSWERS[2],
                215,
            ),
        ],
    );
}

#[test]
fn strings_of_the_examples_are_coded_as_there() {
    assert_eq!(encode(b"www.example.com"), hex("f1e3 c2e5 f23a 6ba0 ab90 f4ff"));
    assert_eq!(encode(b"Mon, 21 Oct 2013 20:13:21 GMT"), hex("d07a be94 1054 d444 a820 0595 040b 8166 e082 a62d 1bff"));
}

#[test]
fn what_is_wrong_in_a_block_is_told() {
    for (block, error) in [
        ("80", Reason::Index),
        ("be", Reason::Index),
        ("7f80 8080 8080 00", Reason::Integer),
        ("40", Reason::Truncated),
        ("400a 6375", Reason::Truncated),
        ("0005 68656c6c6f", Reason::Truncated),
        ("ff", Reason::Truncated),
        ("82 20", Reason::TableSize),
        ("3fe2 1f", Reason::TableSize),
        ("0081 ff00", Reason::Huffman),
        ("40ff ffff ffff 0f", Reason::Integer),
    ] {
        assert_eq!(Decoder::default().decode(&hex(block), 4096, BOUNDS), Err(error), "{block}");
    }
    let few = Bounds { fields: 2, text: 20, table: 100 };
    assert_eq!(Decoder::default().decode(&hex("828282"), 4096, few), Err(Reason::TooManyFields));
    assert_eq!(Decoder::default().decode(&hex("8282"), 4096, few), Ok(Decoder::default().decode(&hex("8282"), 4096, BOUNDS).unwrap()));
    assert_eq!(
        Decoder::default().decode(&hex("040c 2f73 616d 706c 652f 7061 7468 040c 2f73 616d 706c 652f 7061 7468"), 4096, few),
        Err(Reason::TooManyFields)
    );
    let three = hex("400161 0162 400161 0162 400161 0162");
    assert_eq!(Decoder::default().decode(&three, 4096, Bounds { fields: 9, text: 99, table: 100 }), Err(Reason::TableTooLarge));
}

#[test]
fn the_table_follows_its_size() {
    let mut decoder = Decoder::default();
    let sizes = |decoder: &mut Decoder, block: &str| decoder.decode(&hex(block), 8192, BOUNDS).unwrap().sizes;
    assert_eq!(sizes(&mut decoder, "400161 0162"), None);
    assert_eq!((decoder.table.size(), decoder.table.get(62)), (34, Ok((&b"a"[..], &b"b"[..]))));
    // To nothing, and up again: what was there is gone.
    assert_eq!(sizes(&mut decoder, "20 3fe1 3f"), Some(Sizes { smallest: 0, last: 8192 }));
    assert_eq!((decoder.table.size(), decoder.table.max), (0, 8192));
    assert_eq!(sizes(&mut decoder, "3f03 400161 0162 400163 0164"), Some(Sizes { smallest: 34, last: 34 }));
    assert_eq!((decoder.table.size(), decoder.table.get(62)), (34, Ok((&b"c"[..], &b"d"[..]))));
    // One that is too large empties it.
    assert_eq!(sizes(&mut decoder, "400161 026262"), None);
    assert_eq!((decoder.table.size(), decoder.table.get(62)), (0, Err(Reason::Index)));
    // A name of an entry that the new one drives out.
    decoder.decode(&hex("400161 0162"), 4096, BOUNDS).unwrap();
    let block = decoder.decode(&hex("7e 0163"), 4096, BOUNDS).unwrap();
    assert_eq!((shown(&block).as_str(), decoder.table.get(62)), ("a: c", Ok((&b"a"[..], &b"c"[..]))));
}

#[test]
fn written_sizes_are_read_again() {
    for sizes in [Sizes { smallest: 0, last: 4096 }, Sizes { smallest: 70, last: 70 }, Sizes { smallest: 0, last: 0 }] {
        let block = write([(&b":status"[..], &b"200"[..], false), (b"x-secret", b"y", true)].into_iter(), Some(sizes));
        let read = Decoder::default().decode(&block, 4096, BOUNDS).unwrap();
        assert_eq!((shown(&read).as_str(), read.sizes), (":status: 200 | x-secret!: y", Some(sizes)));
    }
}
