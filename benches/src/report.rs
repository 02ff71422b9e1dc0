//! The table people read and the JSON programs read.

use std::fmt::Write as _;

use serde::Serialize;

use crate::measure::{Better, Figure, Series};

/// Everything one run found.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Which store.
    pub store: &'static str,
    /// The size it ran at.
    pub scale: String,
    /// Logical processors of the machine.
    pub processors: usize,
    /// The figures.
    pub figures: Vec<Figure>,
}

/// Digits enough to compare, not more.
fn short(value: f64) -> String {
    if value >= 1_000.0 {
        format!("{value:.0}")
    } else if value >= 10.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.3}")
    }
}

fn spread(series: &Series) -> String {
    let (least, most) = (short(series.least), short(series.most));
    format!("{} ({least} to {most})", short(series.median))
}

impl Report {
    /// A Markdown table: medians with least and most, ratio, goal.
    #[must_use]
    pub fn table(&self) -> String {
        let mut text = format!(
            "{}, scale {}, {} processors; medians (least to most)\n\n\
             | # | work | size | unit | ours | peer | ratio | goal | reached |\n\
             |---|---|---|---|---|---|---|---|---|\n",
            self.store, self.scale, self.processors
        );
        for figure in &self.figures {
            let sign = match figure.better {
                Better::More => ">=",
                Better::Less => "<=",
            };
            // Writing to a string cannot fail.
            let _ = writeln!(
                text,
                "| {} | {} / {} | {} | {} | {} | {} | {} | {sign} {} | {} |",
                figure.id,
                figure.work,
                figure.peer_work,
                figure.size,
                figure.unit,
                spread(&figure.ours),
                spread(&figure.peer),
                short(figure.ratio),
                figure.goal,
                if figure.reached { "yes" } else { "no" },
            );
        }
        text
    }
}
