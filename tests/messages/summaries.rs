//! The last line of `gpupci check`.

use gpupt::readiness::Summary;

use crate::sentences;

fn summary(cards: usize, ready: usize, fail: usize, warn: usize) -> Summary {
    Summary {
        cards,
        ready,
        fail,
        warn,
    }
}

pub fn section() -> String {
    let summaries = [
        summary(8, 8, 0, 0),
        summary(8, 7, 0, 1),
        summary(8, 2, 3, 2),
        summary(1, 1, 0, 0),
        summary(0, 0, 1, 0),
    ];
    sentences("Summaries of `gpupci check`", &summaries)
}
