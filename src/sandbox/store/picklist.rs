//! The restricted picklists of the `User` object. Their values are spelt exactly so: `en-US` and `EN_us` are refused.

use super::field::Field;

const LANGUAGES: &str = "en_US en_GB en_AU en_CA en_IN en_IE en_NZ en_ZA en_SG en_HK en_MY en_PH en_AE en_BE en_CY en_DE \
    en_IL en_IT en_MT en_NL de de_AT de_BE de_CH de_LU es es_MX es_AR es_BO es_CL es_CO es_CR es_DO es_EC es_GT es_HN es_NI \
    es_PA es_PE es_PR es_PY es_SV es_US es_UY es_VE fr fr_BE fr_CA fr_CH fr_LU fr_MA it it_CH ja sv ko zh_TW zh_CN zh_HK \
    zh_SG zh_MY pt_BR pt_PT nl_NL nl_BE da th fi ru hu pl cs tr in ro vi uk iw el bg hr no sk sl ar ar_AE ar_BH ar_DZ ar_EG \
    ar_IQ ar_JO ar_KW ar_LB ar_LY ar_MA ar_OM ar_QA ar_SA ar_SD ar_SY ar_TN ar_YE ms hi bn ta te ml mr gu kn pa ur fa et lv \
    lt mt mk sr sh bs sq hy az eu ka is ga cy lb rm ro_MD af zu xh sw so tl haw hmn ht ji kk km lo my mi sm ur_PK el_CY ca";

const LOCALES: &str = "af_ZA am_ET ar ar_AE ar_BH ar_DZ ar_EG ar_IQ ar_JO ar_KW ar_LB ar_LY ar_MA ar_OM ar_QA ar_SA ar_SD \
    ar_TN ar_YE az_AZ be_BY bg bg_BG bn_BD bn_IN bs_BA ca ca_ES ca_ES_EURO cs cs_CZ cy_GB da da_DK de de_AT de_AT_EURO de_BE \
    de_CH de_DE de_DE_EURO de_LU de_LU_EURO dz_BT el_CY el_GR en_AE en_AG en_AU en_BB en_BE en_BM en_BS en_BW en_BZ en_CA \
    en_CM en_CY en_DE en_ER en_FJ en_FK en_GB en_GH en_GI en_GM en_GY en_HK en_ID en_IE en_IE_EURO en_IL en_IN en_IT en_JM \
    en_KE en_KY en_LR en_MG en_MT en_MU en_MW en_MY en_NA en_NG en_NL en_NZ en_PG en_PH en_PK en_RW en_SB en_SC en_SG en_SH \
    en_SL en_SX en_SZ en_TO en_TT en_TZ en_UG en_US en_VC en_VU en_WS en_ZA en_ZM es es_AR es_BO es_CL es_CO es_CR es_CU es_DO \
    es_EC es_ES es_ES_EURO es_GT es_HN es_MX es_NI es_PA es_PE es_PR es_PY es_SV es_US es_UY es_VE et_EE eu_ES fa_IR fi fi_FI \
    fi_FI_EURO fr fr_BE fr_CA fr_CH fr_DZ fr_FR fr_FR_EURO fr_HT fr_LU fr_MA fr_MC fr_MR fr_SN fr_TN fr_WF ga_IE gu_IN hi_IN \
    hr hr_HR ht_HT hu hu_HU hy_AM in_ID is_IS it it_CH it_IT iw iw_IL ja ja_JP ji_US ka_GE kk_KZ km_KH kn_IN ko ko_KP ko_KR \
    ky_KG lb_LU lo_LA lt_LT lu_CD lv_LV mk_MK ml_IN mr_IN ms_BN ms_MY mt_MT my_MM ne_NP nl nl_AW nl_BE nl_NL nl_SR no no_NO \
    pa_IN pl_PL ps_AF pt_AO pt_BR pt_CV pt_MZ pt_PT pt_ST qu_BO qu_EC qu_PE rm_CH rn_BI ro_MD ro_RO ru ru_AM ru_BY ru_KG \
    ru_KZ ru_LT ru_MD ru_PL ru_RU ru_UA sh_BA sh_CS sh_ME sk_SK sl_SI so_DJ so_SO sq_AL sr_BA sr_CS sr_ME sr_RS su_ID sv sv_SE \
    sw_KE ta_IN ta_LK te_IN tg_TJ th th_TH ti_ET tl_PH tr tr_TR uk uk_UA ur_PK uz_LATN_UZ vi vi_VN xh_ZA yo_BJ zh_CN \
    zh_CN_PINYIN zh_HK zh_MO zh_MY zh_SG zh_TW zu_ZA";

const TIME_ZONES: &str = "Pacific/Kiritimati Pacific/Enderbury Pacific/Tongatapu Pacific/Chatham Pacific/Auckland \
    Pacific/Fiji Asia/Kamchatka Pacific/Norfolk Pacific/Guadalcanal Australia/Lord_Howe Australia/Brisbane Australia/Sydney \
    Australia/Melbourne Australia/Hobart Australia/Adelaide Australia/Darwin Asia/Vladivostok Asia/Seoul Asia/Tokyo \
    Asia/Hong_Kong Asia/Kuala_Lumpur Asia/Manila Asia/Shanghai Asia/Singapore Asia/Taipei Australia/Perth Asia/Bangkok \
    Asia/Ho_Chi_Minh Asia/Jakarta Asia/Rangoon Asia/Dhaka Asia/Kathmandu Asia/Colombo Asia/Kolkata Asia/Karachi \
    Asia/Tashkent Asia/Yekaterinburg Asia/Almaty Asia/Kabul Asia/Baku Asia/Dubai Asia/Tbilisi Asia/Yerevan Asia/Tehran \
    Africa/Nairobi Asia/Baghdad Asia/Kuwait Asia/Riyadh Europe/Minsk Europe/Moscow Europe/Istanbul Africa/Cairo \
    Africa/Johannesburg Africa/Casablanca Africa/Algiers Asia/Beirut Asia/Jerusalem Europe/Athens Europe/Bucharest \
    Europe/Helsinki Europe/Kiev Europe/Kyiv Europe/Sofia Europe/Vilnius Europe/Riga Europe/Tallinn Europe/Amsterdam \
    Europe/Berlin Europe/Brussels Europe/Budapest Europe/Copenhagen Europe/Luxembourg Europe/Madrid Europe/Oslo Europe/Paris \
    Europe/Prague Europe/Rome Europe/Stockholm Europe/Vienna Europe/Warsaw Europe/Zurich Europe/Dublin Europe/Lisbon \
    Europe/London GMT Atlantic/Azores Atlantic/Cape_Verde Atlantic/South_Georgia America/St_Johns America/Argentina/Buenos_Aires \
    America/Sao_Paulo America/Montevideo America/Halifax America/Puerto_Rico America/Santiago America/Caracas America/La_Paz \
    Atlantic/Bermuda America/Bogota America/Lima America/New_York America/Toronto America/Indiana/Indianapolis America/Panama \
    America/Chicago America/Winnipeg America/Mexico_City America/El_Salvador America/Costa_Rica America/Denver America/Edmonton \
    America/Mazatlan America/Phoenix America/Los_Angeles America/Vancouver America/Tijuana America/Anchorage Pacific/Honolulu \
    America/Adak Pacific/Marquesas Pacific/Gambier Pacific/Pitcairn Pacific/Niue Pacific/Pago_Pago";

const ENCODINGS: &str =
    "UTF-8 ISO-8859-1 Shift_JIS ISO-2022-JP EUC-JP ks_c_5601-1987 Big5 GB2312 Big5-HKSCS x-SJIS_0213";

fn lists(list: &str, value: &str) -> bool {
    list.split_ascii_whitespace().any(|entry| entry == value)
}

/// What `field` takes; nothing for a field that is no picklist.
pub fn values(field: Field) -> impl Iterator<Item = &'static str> {
    let list = match field {
        Field::LanguageLocaleKey => LANGUAGES,
        Field::LocaleSidKey => LOCALES,
        Field::TimeZoneSidKey => TIME_ZONES,
        Field::EmailEncodingKey => ENCODINGS,
        _ => "",
    };
    list.split_ascii_whitespace()
}

/// Whether `LanguageLocaleKey` takes it.
pub fn is_language(value: &str) -> bool {
    lists(LANGUAGES, value)
}

/// Whether `LocaleSidKey` takes it.
pub fn is_locale(value: &str) -> bool {
    lists(LOCALES, value)
}

/// Whether `TimeZoneSidKey` takes it.
pub fn is_time_zone(value: &str) -> bool {
    lists(TIME_ZONES, value)
}

/// Whether `EmailEncodingKey` takes it.
pub fn is_encoding(value: &str) -> bool {
    lists(ENCODINGS, value)
}
