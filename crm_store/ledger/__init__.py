"""The touch ledger: a touch is written before it is sent, under a key that makes a second one impossible.

due -> claimed -> dispatched -> sent | failed | due (definitely not accepted) | in_doubt
due -> skipped | cancelled: decided at the claim, with its reason
claimed, lease gone -> due (it provably never left)      dispatched, lease gone -> in_doubt
"""
