//! What commands do to a folder of models, and what it must survive.
