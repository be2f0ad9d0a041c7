//! From measurements to figures that the model can use, and back: pure computation.
//!
//! [`read`] turns the files that people have (CSV, load tools' summaries, Prometheus) into load points; [`fit`] finds
//! the figures behind them, with their intervals; [`calibration`] writes those down for scenarios to use. Files are
//! opened and written in `app/`, shown by `report/`.

pub mod calendar;
pub mod calibration;
pub mod fit;
pub mod read;
