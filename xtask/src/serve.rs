//! `cargo xtask serve`: the web page of `pkg/` on this machine, with guests from Debian's packages beside it.

use crate::guests::gallery::{self, Offer};
use crate::steps::Report;
use crate::task::task;
use crate::{guests, project};
use anyhow::{Context, Result};
use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use tiny_http::{Header, Method, Request, Response, Server};

/// Serve the web page with its headers, and guests from Debian's packages
#[derive(clap::Args)]
struct ServeArgs {
    /// Port; 0 takes one that is free
    #[arg(long, default_value_t = 8064)]
    port: u16,
    /// Address to listen at; 0.0.0.0 lets other machines in, a phone for one
    #[arg(long, default_value = "127.0.0.1")]
    address: IpAddr,
}

task!("serve", ServeArgs, run);

/// Number of concurrent requests: a slow download does not block others.
const WORKERS: usize = 8;

/// Headers of every answer. The first three make the page cross-origin isolated.
const HEADERS: [(&str, &str); 5] = [
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Embedder-Policy", "require-corp"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("X-Content-Type-Options", "nosniff"),
    ("Cache-Control", "no-cache"),
];

/// Media types by a file's ending. WebAssembly is compiled while it arrives only under its own type.
const TYPES: [(&str, &str); 10] = [
    ("html", "text/html; charset=utf-8"),
    ("css", "text/css; charset=utf-8"),
    ("mjs", "text/javascript; charset=utf-8"),
    ("js", "text/javascript; charset=utf-8"),
    ("json", "application/json"),
    ("map", "application/json"),
    ("wasm", "application/wasm"),
    ("svg", "image/svg+xml"),
    ("woff2", "font/woff2"),
    ("gz", "application/gzip"),
];

/// What a request is for.
#[derive(Debug, PartialEq, Eq)]
enum Route {
    /// A file below the served folder
    File(PathBuf),
    /// Debian's kernel
    Kernel,
    /// The initramfs made for it
    Initrd,
    /// A file of another guest
    Offer(&'static Offer),
}

/// Reads a request's path. Names are taken as they are: no file that is served needs an escape, and none begins with a dot.
fn route(url: &str) -> Option<Route> {
    let path = url.split(['?', '#']).next()?.strip_prefix('/')?;
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    match path {
        "" => return Some(Route::File("index.html".into())),
        "guests/debian/vmlinuz" => return Some(Route::Kernel),
        "guests/debian/initramfs.cpio" => return Some(Route::Initrd),
        _ => {}
    }
    if let Some(offer) = gallery::at(path) {
        return Some(Route::Offer(offer));
    }
    let named = |part: &str| !part.is_empty() && !part.starts_with('.') && part.chars().all(plain);
    path.split('/').all(named).then(|| Route::File(path.split('/').collect()))
}

fn media_type(path: &Path) -> &'static str {
    let ending = path.extension().and_then(|name| name.to_str()).unwrap_or("");
    TYPES.iter().find(|(known, _)| *known == ending).map_or("application/octet-stream", |(_, name)| name)
}

/// What is served.
struct Site {
    pkg: PathBuf,
    /// Kernel and initramfs, once they are there
    debian: Mutex<Option<(PathBuf, PathBuf)>>,
    /// Held while something is fetched, one for each [`gallery::Queue`]
    fetching: [Mutex<()>; 3],
    /// Files that are being fetched or made in the background, by their paths
    works: Mutex<HashMap<&'static str, Work>>,
}

/// A file that is being fetched or made.
enum Work {
    /// What is being done
    Running(String),
    /// Why it came to nothing: said once, then the next request tries again
    Failed(String),
}

/// What a request gets.
enum Found {
    File(PathBuf),
    /// It is being fetched or made: what is being done
    Later(String),
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

impl Site {
    fn new(pkg: PathBuf) -> Self {
        Self { pkg, debian: Mutex::default(), fetching: Default::default(), works: Mutex::default() }
    }

    /// Returns the Debian guest's files. The first request fetches them; others wait.
    fn debian(&self) -> Result<(PathBuf, PathBuf)> {
        let mut slot = lock(&self.debian);
        if let Some(files) = &*slot {
            return Ok(files.clone());
        }
        let guest = guests::debian(&Report::start("Debian guest"), false)?;
        Ok(slot.insert((guest.kernel, guest.initrd)).clone())
    }

    fn find(self: &Arc<Self>, route: Route, is_patient: bool) -> Result<Found> {
        Ok(Found::File(match route {
            Route::File(path) => self.pkg.join(path),
            Route::Kernel => self.debian()?.0,
            Route::Initrd => self.debian()?.1,
            Route::Offer(offer) => match offer.ready()? {
                Some(path) => path,
                None if is_patient => self.fetch(offer, Report::start(offer.url))?,
                None => return self.work(offer.url, |site, report| site.fetch(offer, report).map(drop)),
            },
        }))
    }

    fn fetch(&self, offer: &Offer, report: Report) -> Result<PathBuf> {
        let _fetching = lock(&self.fetching[offer.queue() as usize]);
        offer.file(&report)
    }

    /// Begins work in the background, or tells how far it is.
    fn work(
        self: &Arc<Self>,
        url: &'static str,
        work: impl FnOnce(&Self, Report) -> Result<()> + Send + 'static,
    ) -> Result<Found> {
        let mut works = lock(&self.works);
        match works.get(url) {
            Some(Work::Running(text)) => return Ok(Found::Later(text.clone())),
            Some(Work::Failed(why)) => {
                let error = anyhow::anyhow!("{why}");
                works.remove(url);
                return Err(error);
            }
            None => {}
        }
        let first = "waiting for its turn".to_owned();
        works.insert(url, Work::Running(first.clone()));
        let site = Arc::clone(self);
        std::thread::spawn(move || {
            let listener = Arc::clone(&site);
            let tell = move |text: &str| {
                lock(&listener.works).insert(url, Work::Running(text.to_owned()));
            };
            let outcome = work(&site, Report::start(url).heard_by(tell));
            let mut works = lock(&site.works);
            match outcome {
                Ok(()) => works.remove(url),
                Err(error) => works.insert(url, Work::Failed(format!("{error:#}"))),
            };
        });
        Ok(Found::Later(first))
    }

    /// Answers one request. That the other side has gone is its own matter.
    fn answer(self: &Arc<Self>, request: Request) {
        if !matches!(request.method(), Method::Get | Method::Head) {
            return refuse(request, 405, "Only GET and HEAD are served.");
        }
        let Some(route) = route(request.url()) else {
            return refuse(request, 404, "No such file.");
        };
        let path = match self.find(route, !prefers_later(&request)) {
            Ok(Found::File(path)) => path,
            Ok(Found::Later(text)) => return refuse(request, 202, &text),
            Err(error) => {
                eprintln!("The guest cannot be had: {error:#}");
                return refuse(request, 503, &format!("{error:#}"));
            }
        };
        match File::open(&path) {
            Ok(file) if path.is_file() => send(request, file, media_type(&path)),
            _ => refuse(request, 404, "No such file."),
        }
    }
}

/// Returns whether a client takes 202 (Accepted) for an answer, and asks again, rather than wait for a file that has to
/// be made.
///
/// The header is `Prefer: respond-async` of RFC 7240, section 4.1.
fn prefers_later(request: &Request) -> bool {
    let prefer = request.headers().iter().filter(|header| header.field.equiv("Prefer"));
    prefer
        .flat_map(|header| header.value.as_str().split(','))
        .any(|one| one.trim().eq_ignore_ascii_case("respond-async"))
}

/// Sends a file, or the requested range: images of disks are read in parts.
fn send(request: Request, mut file: File, media_type: &str) {
    let range = request.headers().iter().find(|header| header.field.equiv("Range"));
    let range = range.map(|header| header.value.as_str().to_owned());
    let len = file.metadata().map_or(0, |data| data.len());
    let Some((from, to)) = range.and_then(|range| part(&range, len)) else {
        // With a content length, so that the page can display progress.
        let _ = request.respond(with_headers(Response::from_file(file), media_type));
        return;
    };
    if file.seek(SeekFrom::Start(from)).is_err() {
        return refuse(request, 416, "There is no such part of the file.");
    }
    let size = usize::try_from(to - from + 1).ok();
    let mut response = Response::new(206.into(), Vec::new(), file.take(to - from + 1), size, None);
    if let Ok(header) = Header::from_bytes("Content-Range", format!("bytes {from}-{to}/{len}")) {
        response.add_header(header);
    }
    let _ = request.respond(with_headers(response, media_type));
}

/// Returns the first and the last byte that a header `Range` of one range names; `None` for others, and for those beyond
/// the end.
fn part(range: &str, len: u64) -> Option<(u64, u64)> {
    let (from, to) = range.trim().strip_prefix("bytes=")?.split_once('-')?;
    let last = len.checked_sub(1)?;
    let (from, to) = match (from, to) {
        ("", count) => (len.saturating_sub(count.parse().ok()?), last),
        (from, "") => (from.parse().ok()?, last),
        (from, to) => (from.parse().ok()?, to.parse::<u64>().ok()?.min(last)),
    };
    (from <= to).then_some((from, to))
}

fn with_headers<R: std::io::Read>(response: Response<R>, media_type: &str) -> Response<R> {
    let headers = HEADERS.into_iter().chain([("Content-Type", media_type)]);
    // A length known beforehand is sent as Content-Length, whatever it is.
    headers
        .filter_map(|(name, value)| Header::from_bytes(name, value).ok())
        .fold(response, Response::with_header)
        .with_chunked_threshold(usize::MAX)
}

/// Answers with a line of text in place of a file.
fn refuse(request: Request, status: u16, why: &str) {
    let response = Response::from_string(why).with_status_code(status);
    let _ = request.respond(with_headers(response, "text/plain; charset=utf-8"));
}

/// Answers requests until the program ends.
fn serve(server: &Arc<Server>, site: &Arc<Site>) {
    let workers = (0..WORKERS).map(|_| {
        let (server, site) = (Arc::clone(server), Arc::clone(site));
        std::thread::spawn(move || {
            for request in server.incoming_requests() {
                site.answer(request);
            }
        })
    });
    for worker in workers.collect::<Vec<_>>() {
        let _ = worker.join();
    }
}

fn run(args: ServeArgs) -> Result<()> {
    let pkg = project::root().join("pkg");
    anyhow::ensure!(
        pkg.join("index.html").is_file(),
        "pkg/ holds no page yet: run `cargo xtask build-wasm64` first"
    );
    let server = Server::http((args.address, args.port))
        .map_err(|error| anyhow::anyhow!("{error}"))
        .with_context(|| format!("cannot listen at {}:{}", args.address, args.port))?;
    let port = server.server_addr().to_ip().map_or(args.port, |address| address.port());
    println!("http://localhost:{port}/");
    serve(&Arc::new(server), &Arc::new(Site::new(pkg)));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::TcpStream;

    #[test]
    fn paths_lead_nowhere_but_into_the_folder() {
        let file = |path: &str| Some(Route::File(path.into()));
        assert_eq!(route("/"), file("index.html"));
        assert_eq!(route("/v64.wasm?x=../.."), file("v64.wasm"));
        assert_eq!(route("/fonts/a-b_c.woff2"), file("fonts/a-b_c.woff2"));
        assert_eq!(route("/docs/milestones/M0.html"), file("docs/milestones/M0.html"));
        assert_eq!(media_type(Path::new("v64-source.tar.gz")), "application/gzip");
        assert_eq!(route("/guests/debian/vmlinuz"), Some(Route::Kernel));
        assert_eq!(route("/guests/debian/initramfs.cpio"), Some(Route::Initrd));
        assert!(matches!(route("/guests/memtest/memtest.bin"), Some(Route::Offer(_))));
        for bad in [
            "",
            "x",
            "//etc/passwd",
            "/../Cargo.toml",
            "/a/../../b",
            "/%2e%2e/x",
            "/a%2fb",
            "/.git/config",
            "/a//b",
            "/a/",
            "/a\\b",
            "/c:/x",
            "*",
        ] {
            assert_eq!(route(bad), None, "{bad}");
        }
    }

    #[test]
    fn parts_of_files_are_those_of_the_header() {
        assert_eq!(part("bytes=0-99", 10), Some((0, 9)));
        assert_eq!(part("bytes=4-", 10), Some((4, 9)));
        assert_eq!(part("bytes=-3", 10), Some((7, 9)));
        for bad in ["bytes=10-", "bytes=5-4", "bytes=1-2,4-5", "lines=1-2", "bytes=x-", "bytes=-"] {
            assert_eq!(part(bad, 10), None, "{bad}");
        }
        assert_eq!(part("bytes=0-", 0), None);
    }

    /// Serves a folder with one page in it, sends a request and gives the whole answer.
    fn ask(request: &str) -> String {
        let folder = std::env::temp_dir().join(format!("v64-serve-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("empty")).unwrap();
        std::fs::write(folder.join("index.html"), "<p>here</p>").unwrap();
        std::fs::write(folder.join("v64.wasm"), vec![0; 70_000]).unwrap();
        let server = Arc::new(Server::http("127.0.0.1:0").unwrap());
        let address = server.server_addr().to_ip().unwrap();
        let (site, one) = (Arc::new(Site::new(folder)), Arc::clone(&server));
        let worker = std::thread::spawn(move || site.answer(one.recv().unwrap()));
        let mut stream = TcpStream::connect(address).unwrap();
        write!(stream, "{request} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        worker.join().unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    #[test]
    fn answers_isolate_the_page_and_tell_type_and_length() {
        let page = ask("GET /");
        assert!(page.starts_with("HTTP/1.1 200") && page.ends_with("<p>here</p>"), "{page}");
        for header in [
            "Cross-Origin-Opener-Policy: same-origin",
            "Cross-Origin-Embedder-Policy: require-corp",
            "Content-Type: text/html; charset=utf-8",
            "Content-Length: 11",
        ] {
            assert!(page.contains(header), "no {header} in {page}");
        }
        let wasm = ask("HEAD /v64.wasm");
        assert!(wasm.contains("Content-Type: application/wasm"), "{wasm}");
        assert!(wasm.contains("Content-Length: 70000") && wasm.ends_with("\r\n\r\n"), "{wasm}");
        let part = ask("GET / HTTP/1.1\r\nRange: bytes=3-6\r\nX-Rest:");
        assert!(part.starts_with("HTTP/1.1 206") && part.ends_with("\r\n\r\nhere"), "{part}");
        assert!(part.contains("Content-Range: bytes 3-6/11"), "{part}");
        for (request, status) in
            [("GET /nothing", 404), ("GET /empty", 404), ("GET /../x", 404), ("POST /", 405)]
        {
            assert!(ask(request).starts_with(&format!("HTTP/1.1 {status}")), "{request}");
        }
    }
    #[test]
    fn work_is_begun_once_and_its_error_is_told_once() {
        let site = Arc::new(Site::new(PathBuf::new()));
        let (sender, receiver) = std::sync::mpsc::channel::<()>();
        let asked = |site: &Arc<Site>, text: &str| match site.work("x", |_, _| Ok(())) {
            Ok(Found::Later(told)) => told == text,
            _ => false,
        };
        let begun = site.work("x", move |_, report| {
            report.say("half done");
            receiver.recv().unwrap();
            anyhow::bail!("no more")
        });
        assert!(matches!(begun, Ok(Found::Later(_))));
        while !asked(&site, "half done") {
            std::thread::yield_now();
        }
        sender.send(()).unwrap();
        let error = loop {
            match site.work("x", |_, _| Ok(())) {
                Err(error) => break error,
                Ok(_) => std::thread::yield_now(),
            }
        };
        assert_eq!(error.to_string(), "no more");
        // The next request begins anew.
        assert!(asked(&site, "waiting for its turn"));
    }
}
