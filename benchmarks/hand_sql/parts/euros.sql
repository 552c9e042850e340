-- An order's amount in millionths of a cent at the rate of its day; needs `event e JOIN rates r`.
e.amount * r.millionths
