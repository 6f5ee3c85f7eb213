-- Sentences that stayed as they were: document, target and how many, three
-- numbers each; null when there are none.
ALTER TABLE unit ADD COLUMN untranslated TEXT;
