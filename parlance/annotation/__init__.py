"""People in the loop: what they annotate, their answers, how far they agree, what counts as gold, and the exam."""
