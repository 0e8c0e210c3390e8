"""Judges: language models that score outputs by a card.

Cards are read, prompts are rendered and replies are parsed purely; the one line that asks takes the
model as an argument.
"""
