//! What options can be given: `-machine help` and its kind.

/// Names of options, and the text of their help.
static TEXTS: &[(&[&str], &str)] = &[
    (
        &["M", "machine"],
        "pc                   Standard PC (i440FX + PIIX, 1996) (default)\npc-i440fx-7.2        The same\n",
    ),
    (&["accel"], "tcg\n"),
    (
        &["vga"],
        "none                 no graphics card\nstd                  standard VGA (default with firmware)\n",
    ),
    (
        &["display"],
        "none                 no screen (default)\n\
         terminal             text modes in the terminal; also curses\n\
         window               a window, in programs that are built with it\n",
    ),
    (&["d"], "int             exceptions (--trace has io and msr too)\n"),
    (&["chardev"], "file\nnull\nsocket\nstdio\n"),
    (&["netdev", "nic", "net"], "user\n"),
    (&["audiodev"], "none\nwav\n"),
    (&["object"], "filter-dump\n"),
];

/// Returns what an option can be given, where the words of a command line ask for that by the value `help`.
pub fn value_help<S: AsRef<str>>(words: &[S]) -> Option<&'static str> {
    let of = |option: &str, value: &str| {
        let name = option.strip_prefix("--").or_else(|| option.strip_prefix('-'))?;
        let is_help = matches!(value.rsplit(',').next(), Some("help" | "?"));
        TEXTS.iter().find(|(names, _)| is_help && names.contains(&name)).map(|(_, text)| *text)
    };
    let pairs = words.windows(2).find_map(|pair| match pair {
        [option, value] => of(option.as_ref(), value.as_ref()),
        _ => None,
    });
    pairs.or_else(|| words.iter().find_map(|word| word.as_ref().split_once('=').and_then(|(o, v)| of(o, v))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_is_the_value_of_an_option() {
        let help = |line: &str| value_help(&line.split(' ').collect::<Vec<_>>());
        assert_eq!(help("run -accel help"), Some("tcg\n"));
        assert_eq!(help("-m 64 --netdev ?"), Some("user\n"));
        assert_eq!(help("--machine=help"), help("-M help"));
        assert_eq!(help("-M pc,help"), help("-M help"));
        assert!(help("-M help").is_some_and(|text| text.starts_with("pc ")));
        assert_eq!((help("-append help"), help("-M pc"), help("help")), (None, None, None));
    }
}
