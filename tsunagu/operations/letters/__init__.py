"""Dead letters: reads, groups, selects, exports and redrives them, whatever sent them to their queue."""
