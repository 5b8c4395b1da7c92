"""Pictures of pages, for those who show a preview of a link: made here, of the same facts."""
