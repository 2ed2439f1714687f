use super::ID;
use crate::bench::{Bench, Ear};
use device_api::Device;

const US: u64 = 1000;
const MS: u64 = 1_000_000;

struct Card {
    bench: Bench,
    adlib: Box<dyn Device>,
    ear: Ear,
}

impl Card {
    fn new() -> Self {
        let (mut bench, ear) = (Bench::new(), Ear::default());
        bench.backends.sounds.insert("ear".to_owned(), Box::new(ear.clone()));
        let adlib = bench.build(crate::declaration(ID), &[("audiodev", "ear")], &[]).unwrap();
        Self { bench, adlib, ear }
    }
    fn out(&mut self, port: u16, value: u8) {
        self.adlib.pio().unwrap().port_write(&mut self.bench.ctx(), port, 1, value.into());
    }
    fn set(&mut self, index: u8, value: u8) {
        self.out(0x388, index);
        self.out(0x389, value);
    }
    fn status(&mut self) -> u8 {
        self.adlib.pio().unwrap().port_read(&mut self.bench.ctx(), 0x388, 1) as u8
    }
    fn wait(&mut self, ns: u64) {
        let end = self.bench.now + ns;
        while let Some(at) = self.adlib.timed().unwrap().next_deadline().filter(|&at| at <= end) {
            self.bench.now = at;
            self.adlib.timed().unwrap().advance(&mut self.bench.ctx());
        }
        self.bench.now = end;
    }
    /// A tone of about 440 Hz at the first channel.
    fn tone(&mut self) {
        let voice = [(0x20, 0x01), (0x40, 0x3f), (0x60, 0xf0), (0x80, 0x0f), (0xc0, 0x31)];
        let carrier = [(0x23, 0x21), (0x43, 0x00), (0x63, 0xf0), (0x83, 0x0f), (0xa0, 0x44), (0xb0, 0x32)];
        for (index, value) in voice.into_iter().chain(carrier) {
            self.set(index, value);
        }
    }
}

/// The detection sequence of programs.
#[test]
fn timers_run_over_as_those_who_look_for_the_card_expect() {
    let mut card = Card::new();
    card.wait(MS);
    card.set(4, 0x60);
    card.set(4, 0x80);
    assert_eq!(card.status() & 0xe0, 0);
    card.set(2, 0xff);
    card.set(4, 0x21);
    card.wait(79 * US);
    assert_eq!(card.status() & 0xe0, 0);
    card.wait(US);
    assert_eq!(card.status() & 0xe0, 0xc0);
    card.set(4, 0x60);
    card.set(4, 0x80);
    assert_eq!(card.status(), 0, "an OPL3 has no other bits");
    card.set(3, 0xfe);
    card.set(4, 0x42);
    card.wait(639 * US);
    assert_eq!(card.status(), 0);
    card.wait(US);
    assert_eq!(card.status(), 0xa0);
}

#[test]
fn a_note_is_heard_until_its_key_goes_up() {
    let mut card = Card::new();
    card.wait(MS);
    assert_eq!(card.adlib.timed().unwrap().next_deadline(), None);
    card.tone();
    card.wait(500 * MS);
    card.set(0xb0, 0x12);
    card.wait(2000 * MS);
    assert_eq!(card.adlib.timed().unwrap().next_deadline(), None, "it has died away");
    let heard = card.ear.played();
    let frames = &heard[0].frames;
    assert_eq!((heard.len(), heard[0].rate), (1, 44_100));
    let rises = frames[..22_050].windows(2).filter(|pair| pair[0][0] < 0 && pair[1][0] >= 0).count();
    assert!((210..=230).contains(&rises), "{rises} periods in half a second");
    assert!(frames.iter().any(|frame| frame[0] > 1000), "it is loud");
}

#[test]
fn a_held_note_begins_anew_where_a_state_is_loaded() {
    let mut card = Card::new();
    card.tone();
    card.wait(100 * MS);
    let mut bytes = Vec::new();
    card.adlib.save(&mut bytes);
    let mut other = Card::new();
    other.wait(100 * MS);
    other.adlib.load(&mut &bytes[..]).unwrap();
    other.out(0x388, 0);
    other.wait(100 * MS);
    assert!(other.ear.played()[0].frames.iter().any(|frame| frame[0] > 1000));
}
