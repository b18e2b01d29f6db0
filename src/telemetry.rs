//! stub
/// x
#[derive(Clone)]
pub struct Metrics;
impl Metrics { /// x
pub fn render(&self) -> String { String::new() } }
