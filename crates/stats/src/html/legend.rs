//! What the colours mean.

use super::format::emit;
use super::state::CLASSES;

pub(super) fn legend(out: &mut String) {
    emit!(out, "<footer class=\"legend\">\n<h2 class=\"sr\">Legend</h2>\n<ul>\n");
    for (class, meaning) in CLASSES {
        emit!(out, "<li class=\"{class}\">{meaning}</li>\n");
    }
    emit!(out, "</ul>\n<p>UP with load balancing disabled is shown as NOLB. ");
    emit!(out, "The marks below a server are its last 20 checks, the newest on the right.</p>\n</footer>\n");
}
