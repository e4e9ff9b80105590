"""Profiles of hypothesis: the ordinary suite draws a few inputs, always the same; `campaign` many, always others.

pytest tests/fuzz --hypothesis-profile=campaign --timeout=0
"""

import hypothesis

CAMPAIGN_FACTOR = 120

hypothesis.settings.register_profile("campaign", max_examples=100 * CAMPAIGN_FACTOR)
