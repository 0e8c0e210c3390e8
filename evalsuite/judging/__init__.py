"""Judges: language models that score outputs, and what people's ratings say such scores are worth.

Cards are read, prompts are rendered and replies are parsed purely; the one line that asks takes the
model as an argument.
"""
