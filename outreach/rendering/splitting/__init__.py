"""Splitting templates into what all mails of a batch share and what each has of its own, before anything is rendered.

A template is run once, by hand, with the values that all mails share: loops over them are unrolled, layouts, parts and
macros put in place, and what is left is a flat list of texts and of Jinja that needs a customer. The texts become the
shell; the Jinja, in its old order, becomes one small template that gives all holes of a mail in one go.
"""
