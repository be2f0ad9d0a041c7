//! The page's own files, as the server hands them out.

/// A file: its address, its type, its bytes.
pub type Part = (&'static str, &'static str, &'static str);

/// All of them. Nothing else is loaded, from here or anywhere.
pub const FILES: [Part; 5] = [
    ("/", "text/html; charset=utf-8", include_str!("page/index.html")),
    ("/style.css", "text/css; charset=utf-8", include_str!("../html/style.css")),
    ("/explore.css", "text/css; charset=utf-8", include_str!("page/explore.css")),
    ("/explore.js", "text/javascript; charset=utf-8", include_str!("page/explore.js")),
    ("/icon.svg", "image/svg+xml", include_str!("page/icon.svg")),
];
