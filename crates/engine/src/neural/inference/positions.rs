//! What tells a model at which place in its sentence a token stands.

/// Sines and cosines of many frequencies, for each place.
pub(super) struct Positions {
    width: usize,
    factor: f32,
    table: Vec<f32>,
}

impl Positions {
    /// For rows of `width` numbers and the first `count` places.
    #[expect(clippy::cast_precision_loss, reason = "places and widths are small")]
    pub(super) fn new(width: usize, count: usize) -> Self {
        let half = width / 2;
        let frequency = |column: usize| {
            let exponent = (column % half) as f32 / (half as f32 - 1.0);
            1e-4_f32.powf(exponent)
        };
        let shift = |column: usize| (column / half) as f32 * std::f32::consts::FRAC_PI_2;
        let columns: Vec<(f32, f32)> =
            (0..width).map(|column| (frequency(column), shift(column))).collect();
        let places = (0..count).flat_map(|place| {
            columns.iter().map(move |(frequency, shift)| (place as f32 * frequency + shift).sin())
        });
        Self { width, factor: (width as f32).sqrt(), table: places.collect() }
    }

    /// Makes the input of the first layer of an embedding.
    pub(super) fn add_to(&self, place: usize, row: &mut [f32]) {
        let position = &self.table[place * self.width..][..self.width];
        for (value, position) in row.iter_mut().zip(position) {
            *value = self.factor * *value + position;
        }
    }
}
