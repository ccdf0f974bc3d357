//! What may stand in a name.

use super::*;

#[test]
fn names_mean_nothing_but_themselves() {
    for (name, text) in [
        ("web", "web"),
        ("a|b", "a\\|b"),
        ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
        ("`rm`", "\\`rm\\`"),
        ("[x](http://y)", "\\[x\\](http://y)"),
        ("&amp;", "&amp;amp;"),
        ("two\nlines", "two\u{fffd}lines"),
        ("\\|", "\\\\\\|"),
    ] {
        assert_eq!(escape(name), text);
    }
    assert_eq!(code("a|`<b>"), "<code>a\\|\\`&lt;b&gt;</code>");
    assert_eq!(code("proxy.wake.before_ratio"), "`proxy.wake.before_ratio`");
}
