"""The texts of the corpus. Each source is a list of blocks; its truth is known because it is written here.

In a text, ^{..} is raised, _{..} is lowered, and [^..] is a footnote. A cell is a text or (text, columns, rows).
"""


def heading(level, text):
    return {"kind": "heading", "level": level, "text": text}


def para(text):
    return {"kind": "text", "text": text}


def bullets(*items):
    """A list; an item may be (text, [items of a list below it])."""
    return {"kind": "list", "ordered": False, "items": list(items)}


def numbers(*items):
    return {"kind": "list", "ordered": True, "items": list(items)}


def table(header, rows, caption=""):
    """A table with its header rows and its rows of cells."""
    return {"kind": "table", "caption": caption, "header": header, "rows": rows}


def fraction(before, above, below, after):
    return {"kind": "fraction", "before": before, "above": above, "below": below, "after": after}


MANUAL = [
    heading(1, "Operating manual of pump station Harrow"),
    para("This manual tells the crew of the Harrow station how to start, watch and stop its three pumps. It holds for "
         "pumps that were built after March 2019; older ones have a manual of their own, TP-88."),
    heading(2, "Before the start"),
    para("Nobody works alone in the pit. The shift leader keeps the key of the pit, and notes each entry with name "
         "and time. The load of the crane is at most 2.5 × 10^{6} N, and its rope is replaced after 10^{4} lifts."),
    bullets("Close valve V9 and hang the red tag on it.",
            ("Read both gauges.", ["Gauge A stands between 4 and 7 bar.", "Gauge B stands below 0.3 bar."]),
            "Open the drain until no more water comes."),
    heading(2, "Start and stop"),
    para("A pump is started in the order that the list gives. Between two pumps, wait for 90 seconds, since the "
         "network of the town carries only one of them at a time."),
    numbers("Switch the control to local.", "Turn the key of the pump to 1.",
            "Wait until the green lamp is lit, and turn the control back to remote."),
    heading(3, "Stop in an emergency"),
    para("The red button stops all pumps at once. After it was used, only an electrician may start them again; "
         "extension 5512 reaches one day and night."),
    heading(2, "Figures"),
    para("The pumps differ in what they move and in what they need."),
    table([["Pump", "Flow (l/min)", "Power (kW)", "Built"]],
          [["Anna", "812", "44", "2019"], ["Berta", "1,250", "61", "2020"], ["Clara", "395", "", "2023"]],
          "Table 1: The pumps of the station"),
    para("Water is moved with additives, of which the amounts below are the most that the law permits."),
    table([["Additive", ("Amount (mg/l)", 2, 1)], ["", "Summer", "Winter"]],
          [["Chlorine", "0.3", "0.6"], ["CO_{2}", "12", "15"], ["Ozone", ("none", 2, 1)]]),
    heading(2, "Care"),
    para("Oil is changed every 2,000 hours. The filter is cleaned with warm water and a soft brush, never with air "
         "under pressure: dust that gets into the bearing ruins it within days."),
    table([["Part", "Interval", "Who"]],
          [[("Filter", 1, 2), "weekly", "crew"], ["yearly", "maker"], ["Bearing", "5 years", "maker"]]),
    para("Parts are ordered by mail from parts@harrow.example, with the number of the pump and the date."),
]

CLAUSES = [
    heading(1, "Lease of storage space"),
    para("This agreement is made between Orchard Storage Ltd (the owner) and the company that is named on the order "
         "(the tenant). Words in bold are explained in clause 1."),
    heading(2, "Definitions"),
    para("A unit is a room with a door of its own.[^The plan of units is kept at the gate, and may be seen at any "
         "time of day.] A month begins on the day on which the key is handed over."),
    para("Goods are whatever the tenant brings into a unit. Living things, fuel and explosives are no goods in the "
         "sense of this agreement, and may not be brought in."),
    heading(2, "Rent"),
    para("The rent is due on the first working day of the month. It is £145 for a unit of 12 m^{2}, and £210 for one "
         "of 20 m^{2}. The owner may raise it once a year, by at most 3.5%.[^As published by the office for "
         "statistics in the October before.]"),
    para("A tenant who pays late owes interest of 8% a year, beginning on the eighth day. After sixty days the owner "
         "may close the unit, and after ninety days sell the goods. The proceeds beyond rent and cost belong to the "
         "tenant, who has three years to claim them."),
    heading(2, "Access"),
    heading(3, "Hours"),
    para("The gate is open from 6:00 to 22:00, on Sundays from 9:00 to 18:00. Outside of these hours the tenant calls "
         "+44 20 7946 0018; each such entry costs £25."),
    heading(3, "Keys"),
    para("Two keys come with each unit. A lost key is replaced for £40 on the same day. Copies that were made without "
         "the owner's consent give the owner the right to end the agreement."),
    heading(2, "Notice"),
    para("Either side may end the agreement at the end of a month, with fourteen days' notice in writing. A mail to "
         "notice@orchard.example is enough, if the owner confirms it. The unit is returned empty and swept; the owner "
         "keeps £60 of the deposit otherwise."),
    para("If a part of this agreement is void, the rest of it holds. The law of England applies. Disputes go first to "
         "the mediator of the chamber of trade, and only then to a court."),
    heading(2, "Liability"),
    para("The owner answers for damage that its staff caused on purpose or by gross neglect, up to £5,000 for each "
         "unit.[^Insurance beyond that sum is offered at the gate.] It does not answer for damage by water, frost or "
         "vermin, against which the tenant should insure the goods. The tenant answers for what its goods do to other "
         "units and to the building."),
    para("The owner tells the tenant of a damage within two days after it has learned of it. The tenant has fourteen "
         "days to look at the goods and to claim a sum in writing, with photographs and bills. A claim that comes "
         "later is void, unless the tenant was prevented from making it by force."),
    para("Where several units are damaged by one event, the sum for all of them together is at most £50,000, and is "
         "shared in the proportion of the damages. The owner keeps the list of such events for ten years, and shows "
         "it to any tenant who asks for it."),
    heading(2, "Data"),
    para("The owner stores the tenant's name, address, and the times of each entry for two years. It gives them to "
         "nobody, except to the police on an order of a court. The cameras at the gate keep their pictures for "
         "seventy-two hours; nobody looks at them unless something was stolen or broken."),
]
CLAUSES_RUNNING = ("Orchard Storage Ltd, form QP-4471", "Owner of this document: Marta Quill")

LANGUAGES = [
    heading(1, "Sicherheit in der Werkstatt"),
    para("Über die Prüfung der Geräte führt der Meister ein Buch. Größere Schäden meldet er dem Betriebsrat, und "
         "zwar spätestens am übernächsten Tag."),
    heading(2, "Français"),
    para("L'été dernier, les élèves ont reçu une leçon de sécurité : où se trouve l'extincteur, à qui téléphoner, "
         "et pourquoi l'œil doit être protégé."),
    heading(2, "Ελληνικά"),
    para("Το εργαστήριο ανοίγει στις οκτώ. Ο υπεύθυνος ελέγχει τα μηχανήματα πριν από κάθε χρήση και κρατά τα κλειδιά."),
    heading(2, "Русский"),
    para("Мастерская открывается в восемь часов. Ключ от склада хранится у начальника смены, его телефон 5512."),
    heading(2, "Tiếng Việt"),
    para("Trước khi bắt đầu, hãy kiểm tra áp suất của máy bơm và đóng van số chín."),
    heading(2, "简体中文"),
    para("合同终止后三十天内，承租人应当归还全部钥匙。逾期每天支付二十元的费用。"),
    heading(2, "日本語"),
    para("契約解除の通知は、書面で三十日前までに送付しなければならない。鍵は管理室に返却する。"),
    heading(2, "한국어"),
    para("계약이 끝나면 열쇠를 관리실에 반납해야 합니다. 비용은 하루에 천 원입니다."),
    heading(2, "العربية"),
    para("يفتح المستودع في الساعة الثامنة صباحا. يحتفظ المدير بالمفاتيح، ورقم هاتفه 5512 في أيام العمل."),
    heading(2, "עברית"),
    para("המחסן נפתח בשעה שמונה בבוקר. המפתחות נמצאים אצל המנהל, ומספר הטלפון שלו הוא 5512 בימי עבודה."),
    heading(2, "ไทย"),
    para("โรงงานเปิดเวลาแปดโมงเช้า กรุณาตรวจสอบเครื่องสูบน้ำก่อนเริ่มงานทุกครั้ง"),
    heading(2, "हिन्दी"),
    para("कार्यशाला आठ बजे खुलती है। चाबी प्रबंधक के पास रहती है और उनका फोन नंबर 5512 है।"),
    table([["Sprache", "Wort", "Laut"]],
          [["Deutsch", "Schlüssel", "ʃlʏsl"], ["Русский", "ключ", "klʲutɕ"], ["中文", "钥匙", "yàoshi"],
           ["한국어", "열쇠", "yeolsoe"]]),
]

TABLES = [
    heading(1, "Stock and staff in the first quarter"),
    para("All sums are in thousands of euros; a dash means that nothing was sold."),
    heading(2, "Sales by region"),
    table([[("Region", 1, 2), ("January", 2, 1), ("February", 2, 1)], ["Units", "Sum", "Units", "Sum"]],
          [["Benelux", "812", "1,204", "795", "1,180"], ["Nordics", "447", "702", "–", "–"],
           ["Alps", "1,023", "1,611", "998", "1,590"], ["Iberia", "76", "119", "", "131"]],
          "Table 1: Sales of pumps"),
    heading(2, "Shifts"),
    table([["Team", "Day", "Shift", "Leader", "Remark"]],
          [[("Blue", 1, 3), "Monday", "early", ("Ines Aalto", 1, 2), ""], ["Tuesday", "late", "swaps with Green"],
           ["Friday", "night", "Odile Brandt", ""],
           [("Green", 1, 2), "Monday", "late", "Kari Moe", "from 14 March"],
           ["Thursday", "early", "Kari Moe", ""]]),
    heading(2, "Articles"),
    para("The list runs over more than one page, and its first row stands on each of them."),
    table([["Number", "Article", "Bin", "Stock", "Price"]],
          [["A-%04d" % (1000 + 37 * i), name, "%s%d" % ("NESW"[i % 4], 3 + i * 7 % 29),
            "%d" % (17 + i * i * 13 % 941), "%d.%02d" % (2 + i * 5 % 83, i * 31 % 100)]
           for i, name in enumerate([
               "flange", "gasket", "valve", "elbow", "nipple", "reducer", "coupling", "strainer", "manometer",
               "float", "impeller", "shaft", "bearing", "seal ring", "housing", "stator", "cable 3 m", "cable 10 m",
               "relay", "fuse 16 A", "fuse 25 A", "control lamp", "push button", "key switch", "terminal",
               "cable gland", "junction box", "sensor, level", "sensor, heat", "oil, 1 l", "oil, 5 l", "grease",
               "brush, soft", "filter, coarse", "filter, fine", "hose 2 m", "hose 5 m", "hose clamp", "bolt M8",
               "bolt M10", "nut M8", "nut M10", "washer M8", "washer M10", "anchor", "bracket", "rail", "chain",
               "hook", "rope 20 m", "crane strap", "lock", "red tag", "sign, danger"])]),
    heading(2, "Notes"),
    para("Stock was counted on 31 March by two people, one of whom does not work in the store."),
]

PAPER = [
    heading(1, "How dust ages a bearing"),
    para("Dust shortens the life of a bearing more than load does. We ran forty bearings for eleven months, half of "
         "them in filtered air, and counted the hours until each of them failed. The result is plain: filtered air "
         "tripled the life of the bearings, whatever their load was."),
    heading(2, "Introduction"),
    para("Bearings fail for many reasons, and manufacturers publish tables of the hours that theirs will run. These "
         "tables hold in laboratories. In a pump station the air carries sand, soot and fibres, and nobody had measured "
         "what they contribute.[^Apart from a survey of 1987, which asked for opinions.] Operators suspected for decades "
         "that the contribution is considerable; manufacturers considered it negligible."),
    para("This article reports an experiment that distinguishes the two. It was carried out in the Harrow station, "
         "where three identical pumps take water from the same river, and where electricity is available without "
         "interruption throughout the year."),
    heading(2, "Method"),
    para("Twenty bearings ran in a cabinet with filtered air, twenty beside it. The load was 1.2 × 10^{3} N for half "
         "of each group and 4.8 × 10^{3} N for the other half. Concentration of particles larger than 5 µm was recorded "
         "every ten minutes; it was 3 cm^{-3} inside of the cabinet and 410 cm^{-3} outside."),
    fraction("The life of a bearing at load F follows from its life at the load of the table, with the exponent", "12",
             "5", "instead of the usual three, as Appendix B derives."),
    para("A bearing counted as failed when its vibration exceeded 7.1 mm/s in two measurements in succession. "
         "Measurements were taken automatically, and an independent laboratory examined every failed bearing under "
         "the microscope afterwards."),
    heading(2, "Results"),
    heading(3, "Hours until failure"),
    para("Inside of the cabinet the bearings ran for 7,420 hours on average, outside for 2,390. Of the bearings under "
         "the heavier load, the corresponding averages were 6,980 and 2,150 hours. No bearing inside of the cabinet "
         "failed during the first five months."),
    table([["Air", "Load", "Bearings", "Hours"]],
          [["filtered", "light", "10", "7,860"], ["filtered", "heavy", "10", "6,980"],
           ["plain", "light", "10", "2,630"], ["plain", "heavy", "10", "2,150"]], "Table 1: Average hours"),
    heading(3, "Wear"),
    para("Scratches parallel to the direction of rotation covered a third of the surface of the bearings that ran in "
         "plain air. Their depth corresponded to the diameter of quartz grains from the river. In filtered air the "
         "surface showed the characteristic fatigue that the tables of the manufacturers presuppose."),
    heading(2, "Discussion"),
    para("Differences of this magnitude cannot be explained by temperature, which was recorded and varied by less than "
         "two degrees between the groups. Lubrication was identical. We therefore recommend that stations filter the "
         "air around their bearings, and that manufacturers publish the concentration of particles at which their "
         "tables were measured."),
    para("The investment is modest. A cabinet costs approximately as much as four bearings, and consumes less "
         "electricity than the illumination of the hall. Maintenance consists of replacing the filter every six weeks, "
         "which takes an apprentice a quarter of an hour."),
]

SLIDES = [
    {"title": "Pump station Harrow", "texts": ["Review of the first quarter", "Ines Aalto, 14 April"],
     "layout": "title", "notes": "Welcome everybody, and mention the new crane."},
    {"title": "Highlights", "bullets": ["Three pumps run day and night",
                                        ("No accident since March", ["The last one was a slip on wet stairs"]),
                                        "Costs fell by 7%"], "notes": "Ask Kari for the bill of the crane."},
    {"title": "Before and after", "left": ["Before", "Filter changed by guess", "Bearing lasts 2,390 hours"],
     "right": ["After", "Filter changed every six weeks", "Bearing lasts 7,420 hours"]},
    {"title": "Shifts", "table": table([["Team", "Day", "Shift"]],
                                       [[("Blue", 1, 2), "Monday", "early"], ["Tuesday", "late"],
                                        ["Green", "Friday", "night"]])},
    {"title": "Flow by month", "boxes": [("Step one: measure", 0), ("Step two: filter", 1), ("Step three: measure again", 2)],
     "texts": []},
]

SHEETS = [
    ("Pumps", "Pumps of the station", [["Pump", "Flow", "Power", "Built", "Share"],
                                       ["Anna", 812, 44, "2019-03-14", 0.25], ["Berta", 1250, 61, "2020-11-02", 0.5],
                                       ["Clara", 395, None, "2023-07-30", 0.125]]),
    ("Hours", "", [["Bearing", "Air", "Load", "Hours"]] +
     [["K%02d" % i, ["filtered", "plain"][i % 2], ["light", "heavy"][i // 2 % 2], 2150 + i * 173 % 5000]
      for i in range(1, 25)]),
]
