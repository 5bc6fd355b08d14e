"""The words of a marketing desk."""

KEYWORDS = (
    "budget budgets campaign campaigns raise increase decrease reduce lower daily "
    "pause pausing paused suspend deactivate disable publish publishing article "
    "articles audience audiences segment segments description title metadata "
    "ranking rankings keyword keywords performance perform performing content subscribers"
).split()

CHANGE = frozenset(
    "raise increase bump lift set change put make give lower decrease cut reduce drop adjust "
    "boost amend slash move update bring up scale shrink trim double triple halve".split()
)
PAUSE = frozenset("kill pause stop halt suspend freeze deactivate disable".split())
CAMPAIGN_WORDS = frozenset(
    "campaign campaigns called named budget budgets daily day days spend spending spent ad ads "
    "per week month year yesterday tomorrow amount euro euros eur usd gbp dollars pounds cost "
    "costs turn switch shut take hold offline live running run paused pausing stopped raised "
    "raising kpis kpi rate costing brought temporarily increased increasing lowered lowering "
    "performing performance perform performs "
    "doing clicks click ctr roas conversions conversion impressions stats statistics numbers "
    "number results result report status state figures current far so last think idea wise "
    "better worth possible happen happens happened money cheap expensive "
    "everything most least best worst spends more instead name names increments "
    "increase decrease percent half extra more less".split()
)
AUDIENCE_WORDS = frozenset(
    "send sending message messages text tell notify notifying inform broadcast email e-mail mail "
    "write announce ping drop know following saying says say audience audiences segment segments "
    "group groups list campaign contacts line note word everyone newsletter-message the "
    "announcement reading contact reach shoot - that".split()
)
