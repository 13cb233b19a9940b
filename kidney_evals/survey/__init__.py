"""A study put to people: the plan of an interview, the store of answers, the export."""
